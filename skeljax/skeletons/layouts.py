"""The known joint layouts as data.

A layout is a list of its joints in order, each as `name parent point`: the name of the parent, '-'
for the root, and the point of the body (`skeljax.skeletons.anatomy`) at the joint. Everything else
(parts, mirror pairs, axes, maps to other layouts) follows from these. If a source has no tree, a
comment states the one chosen.
"""

from skeljax.skeletons import image_layouts

# Joints of Kinect v2; the root of the usual graph is between the shoulders.
_NTU25 = """
SpineBase SpineMid pelvis, SpineMid SpineShoulder spine, Neck SpineShoulder neck, Head Neck head,
ShoulderLeft SpineShoulder left shoulder, ElbowLeft ShoulderLeft left elbow,
WristLeft ElbowLeft left wrist, HandLeft WristLeft left hand,
ShoulderRight SpineShoulder right shoulder, ElbowRight ShoulderRight right elbow,
WristRight ElbowRight right wrist, HandRight WristRight right hand,
HipLeft SpineBase left hip, KneeLeft HipLeft left knee, AnkleLeft KneeLeft left ankle,
FootLeft AnkleLeft left toe,
HipRight SpineBase right hip, KneeRight HipRight right knee, AnkleRight KneeRight right ankle,
FootRight AnkleRight right toe, SpineShoulder - chest,
HandTipLeft ThumbLeft left hand tip, ThumbLeft HandLeft left thumb,
HandTipRight ThumbRight right hand tip, ThumbRight HandRight right thumb
"""

# Joints of Kinect v1, in the order and with the tree of its SDK. Its Spine is 6 cm above
# HipCenter, not halfway up the back, and therefore no point of the body: axes and sizes are
# computed from HipCenter and ShoulderCenter.
_KINECT20 = """
HipCenter - pelvis, Spine HipCenter, ShoulderCenter Spine chest, Head ShoulderCenter head,
ShoulderLeft ShoulderCenter left shoulder, ElbowLeft ShoulderLeft left elbow,
WristLeft ElbowLeft left wrist, HandLeft WristLeft left hand,
ShoulderRight ShoulderCenter right shoulder, ElbowRight ShoulderRight right elbow,
WristRight ElbowRight right wrist, HandRight WristRight right hand,
HipLeft HipCenter left hip, KneeLeft HipLeft left knee, AnkleLeft KneeLeft left ankle,
FootLeft AnkleLeft left toe,
HipRight HipCenter right hip, KneeRight HipRight right knee, AnkleRight KneeRight right ankle,
FootRight AnkleRight right toe
"""

# UI-PRMD, Kinect recordings.
_UIPRMD22 = """
Waist - pelvis, Spine Waist spine, Chest Spine chest, Neck Chest neck, Head Neck head,
HeadTip Head head top,
LCollar Chest left collar, LUpperArm LCollar left shoulder, LForearm LUpperArm left elbow,
LHand LForearm left wrist,
RCollar Chest right collar, RUpperArm RCollar right shoulder, RForearm RUpperArm right elbow,
RHand RForearm right wrist,
LUpLeg Waist left hip, LLowLeg LUpLeg left knee, LFoot LLowLeg left ankle, LToes LFoot left toe,
RUpLeg Waist right hip, RLowLeg RUpLeg right knee, RFoot RLowLeg right ankle, RToes RFoot right toe
"""

# UI-PRMD, Vicon recordings: markers of Plug-in Gait, on the skin. They have no tree: this one
# starts at the tenth thoracic vertebra and follows the limbs.
_UIPRMD39 = """
LFHD LBHD left front head, RFHD RBHD right front head, LBHD C7 left back head,
RBHD C7 right back head, C7 T10 neck, T10 - back, CLAV C7 throat, STRN CLAV sternum,
RBAK T10 right back,
LSHO C7 left shoulder, LUPA LSHO left upper arm, LELB LUPA left elbow, LFRM LELB left forearm,
LWRA LFRM left inner wrist, LWRB LFRM left outer wrist, LFIN LWRA left hand,
RSHO C7 right shoulder, RUPA RSHO right upper arm, RELB RUPA right elbow, RFRM RELB right forearm,
RWRA RFRM right inner wrist, RWRB RFRM right outer wrist, RFIN RWRA right hand,
LASI LPSI left front pelvis, RASI RPSI right front pelvis,
LPSI T10 left back pelvis, RPSI T10 right back pelvis,
LTHI LASI left thigh, LKNE LTHI left knee, LTIB LKNE left shank, LANK LTIB left ankle,
LHEE LANK left heel, LTOE LANK left toe,
RTHI RASI right thigh, RKNE RTHI right knee, RTIB RKNE right shank, RANK RTIB right ankle,
RHEE RANK right heel, RTOE RANK right toe
"""

# CMU motion capture (ASF/AMC): a joint is the far END of the bone of its name. The
# radius ends two thirds down the forearm; the bone called wrist ends at the wrist.
_CMU31 = """
root - pelvis, lhipjoint root left hip, lfemur lhipjoint left knee, ltibia lfemur left ankle,
lfoot ltibia left toe, ltoes lfoot left toe tip,
rhipjoint root right hip, rfemur rhipjoint right knee, rtibia rfemur right ankle,
rfoot rtibia right toe, rtoes rfoot right toe tip,
lowerback root spine, upperback lowerback upper spine, thorax upperback chest,
lowerneck thorax neck, upperneck lowerneck head, head upperneck head top,
lclavicle thorax left shoulder, lhumerus lclavicle left elbow, lradius lhumerus left forearm,
lwrist lradius left wrist, lhand lwrist left hand, lfingers lhand left hand tip,
lthumb lwrist left thumb,
rclavicle thorax right shoulder, rhumerus rclavicle right elbow, rradius rhumerus right forearm,
rwrist rradius right wrist, rhand rwrist right hand, rfingers rhand right hand tip,
rthumb rwrist right thumb
"""

# Bandai-Namco Research Motiondataset (BVH); its root lies on the floor.
_BANDAI22 = """
joint_Root -, Hips joint_Root pelvis, Spine Hips spine, Chest Spine chest, Neck Chest neck,
Head Neck head,
Shoulder_L Chest left collar, UpperArm_L Shoulder_L left shoulder,
LowerArm_L UpperArm_L left elbow, Hand_L LowerArm_L left wrist,
Shoulder_R Chest right collar, UpperArm_R Shoulder_R right shoulder,
LowerArm_R UpperArm_R right elbow, Hand_R LowerArm_R right wrist,
UpperLeg_L Hips left hip, LowerLeg_L UpperLeg_L left knee, Foot_L LowerLeg_L left ankle,
Toes_L Foot_L left toe,
UpperLeg_R Hips right hip, LowerLeg_R UpperLeg_R right knee, Foot_R LowerLeg_R right ankle,
Toes_R Foot_R right toe
"""

# SMPL-H (AMASS): the body's 22 joints, then 15 of each hand.
_SMPLH52 = """
pelvis - pelvis, left_hip pelvis left hip, right_hip pelvis right hip, spine1 pelvis spine,
left_knee left_hip left knee, right_knee right_hip right knee, spine2 spine1 upper spine,
left_ankle left_knee left ankle, right_ankle right_knee right ankle, spine3 spine2 chest,
left_foot left_ankle left toe, right_foot right_ankle right toe, neck spine3 neck,
left_collar spine3 left collar, right_collar spine3 right collar, head neck head,
left_shoulder left_collar left shoulder, right_shoulder right_collar right shoulder,
left_elbow left_shoulder left elbow, right_elbow right_shoulder right elbow,
left_wrist left_elbow left wrist, right_wrist right_elbow right wrist,
left_index1 left_wrist left index 1, left_index2 left_index1 left index 2,
left_index3 left_index2 left index 3,
left_middle1 left_wrist left middle 1, left_middle2 left_middle1 left middle 2,
left_middle3 left_middle2 left middle 3,
left_pinky1 left_wrist left pinky 1, left_pinky2 left_pinky1 left pinky 2,
left_pinky3 left_pinky2 left pinky 3,
left_ring1 left_wrist left ring 1, left_ring2 left_ring1 left ring 2,
left_ring3 left_ring2 left ring 3,
left_thumb1 left_wrist left thumb 1, left_thumb2 left_thumb1 left thumb 2,
left_thumb3 left_thumb2 left thumb 3,
right_index1 right_wrist right index 1, right_index2 right_index1 right index 2,
right_index3 right_index2 right index 3,
right_middle1 right_wrist right middle 1, right_middle2 right_middle1 right middle 2,
right_middle3 right_middle2 right middle 3,
right_pinky1 right_wrist right pinky 1, right_pinky2 right_pinky1 right pinky 2,
right_pinky3 right_pinky2 right pinky 3,
right_ring1 right_wrist right ring 1, right_ring2 right_ring1 right ring 2,
right_ring3 right_ring2 right ring 3,
right_thumb1 right_wrist right thumb 1, right_thumb2 right_thumb1 right thumb 2,
right_thumb3 right_thumb2 right thumb 3
"""

# Azure Kinect (learn.microsoft.com/azure/kinect-dk/body-joints).
_AZURE32 = """
PELVIS - pelvis, SPINE_NAVEL PELVIS spine, SPINE_CHEST SPINE_NAVEL upper spine,
NECK SPINE_CHEST neck,
CLAVICLE_LEFT SPINE_CHEST left collar, SHOULDER_LEFT CLAVICLE_LEFT left shoulder,
ELBOW_LEFT SHOULDER_LEFT left elbow, WRIST_LEFT ELBOW_LEFT left wrist,
HAND_LEFT WRIST_LEFT left hand, HANDTIP_LEFT HAND_LEFT left hand tip,
THUMB_LEFT WRIST_LEFT left thumb,
CLAVICLE_RIGHT SPINE_CHEST right collar, SHOULDER_RIGHT CLAVICLE_RIGHT right shoulder,
ELBOW_RIGHT SHOULDER_RIGHT right elbow, WRIST_RIGHT ELBOW_RIGHT right wrist,
HAND_RIGHT WRIST_RIGHT right hand, HANDTIP_RIGHT HAND_RIGHT right hand tip,
THUMB_RIGHT WRIST_RIGHT right thumb,
HIP_LEFT PELVIS left hip, KNEE_LEFT HIP_LEFT left knee, ANKLE_LEFT KNEE_LEFT left ankle,
FOOT_LEFT ANKLE_LEFT left toe,
HIP_RIGHT PELVIS right hip, KNEE_RIGHT HIP_RIGHT right knee, ANKLE_RIGHT KNEE_RIGHT right ankle,
FOOT_RIGHT ANKLE_RIGHT right toe,
HEAD NECK head, NOSE HEAD nose, EYE_LEFT HEAD left eye, EAR_LEFT HEAD left ear,
EYE_RIGHT HEAD right eye, EAR_RIGHT HEAD right ear
"""

# COCO keypoints have neither neck nor pelvis: limbs hang from the shoulders, hips too,
# and shoulders from the nose (the tree that graph networks use for COCO).
_COCO17 = """
nose - nose, left_eye nose left eye, right_eye nose right eye, left_ear left_eye left ear,
right_ear right_eye right ear, left_shoulder nose left shoulder, right_shoulder nose right shoulder,
left_elbow left_shoulder left elbow, right_elbow right_shoulder right elbow,
left_wrist left_elbow left wrist, right_wrist right_elbow right wrist,
left_hip left_shoulder left hip, right_hip right_shoulder right hip,
left_knee left_hip left knee, right_knee right_hip right knee,
left_ankle left_knee left ankle, right_ankle right_knee right ankle
"""

# MediaPipe Pose; the tree is COCO's, with fingers at the wrists and feet at the ankles.
_MEDIAPIPE33 = """
nose - nose, left_eye_inner nose left inner eye, left_eye left_eye_inner left eye,
left_eye_outer left_eye left outer eye, right_eye_inner nose right inner eye,
right_eye right_eye_inner right eye, right_eye_outer right_eye right outer eye,
left_ear left_eye_outer left ear, right_ear right_eye_outer right ear,
mouth_left nose left mouth, mouth_right nose right mouth,
left_shoulder nose left shoulder, right_shoulder nose right shoulder,
left_elbow left_shoulder left elbow, right_elbow right_shoulder right elbow,
left_wrist left_elbow left wrist, right_wrist right_elbow right wrist,
left_pinky left_wrist left pinky 1, right_pinky right_wrist right pinky 1,
left_index left_wrist left index 1, right_index right_wrist right index 1,
left_thumb left_wrist left thumb 2, right_thumb right_wrist right thumb 2,
left_hip left_shoulder left hip, right_hip right_shoulder right hip,
left_knee left_hip left knee, right_knee right_hip right knee,
left_ankle left_knee left ankle, right_ankle right_knee right ankle,
left_heel left_ankle left heel, right_heel right_ankle right heel,
left_foot_index left_ankle left toe, right_foot_index right_ankle right toe
"""

# OpenPose BODY_25; its neck is the midpoint of the shoulders.
_OPENPOSE25 = """
Nose Neck nose, Neck - chest, RShoulder Neck right shoulder, RElbow RShoulder right elbow,
RWrist RElbow right wrist, LShoulder Neck left shoulder, LElbow LShoulder left elbow,
LWrist LElbow left wrist, MidHip Neck pelvis, RHip MidHip right hip, RKnee RHip right knee,
RAnkle RKnee right ankle, LHip MidHip left hip, LKnee LHip left knee, LAnkle LKnee left ankle,
REye Nose right eye, LEye Nose left eye, REar REye right ear, LEar LEye left ear,
LBigToe LAnkle left toe, LSmallToe LBigToe left small toe, LHeel LAnkle left heel,
RBigToe RAnkle right toe, RSmallToe RBigToe right small toe, RHeel RAnkle right heel
"""

# COCO model of OpenPose; hips are children of the shoulders as in ST-GCN (arXiv 1801.07455).
_OPENPOSE18 = """
Nose Neck nose, Neck - chest, RShoulder Neck right shoulder, RElbow RShoulder right elbow,
RWrist RElbow right wrist, LShoulder Neck left shoulder, LElbow LShoulder left elbow,
LWrist LElbow left wrist, RHip RShoulder right hip, RKnee RHip right knee,
RAnkle RKnee right ankle, LHip LShoulder left hip, LKnee LHip left knee, LAnkle LKnee left ankle,
REye Nose right eye, LEye Nose left eye, REar REye right ear, LEar LEye left ear
"""

# The 17 joints of Human3.6M that are usually evaluated.
_H36M17 = """
Hip - pelvis, RHip Hip right hip, RKnee RHip right knee, RFoot RKnee right ankle,
LHip Hip left hip, LKnee LHip left knee, LFoot LKnee left ankle, Spine Hip spine,
Thorax Spine chest, Nose Thorax nose, Head Nose head top,
LShoulder Thorax left shoulder, LElbow LShoulder left elbow, LWrist LElbow left wrist,
RShoulder Thorax right shoulder, RElbow RShoulder right elbow, RWrist RElbow right wrist
"""

_TABLES = {
    'ntu25': _NTU25,
    'kinect20': _KINECT20,
    'uiprmd22': _UIPRMD22,
    'uiprmd39': _UIPRMD39,
    'cmu31': _CMU31,
    'bandai22': _BANDAI22,
    'smplh52': _SMPLH52,
    'coco17': _COCO17,
    'mediapipe33': _MEDIAPIPE33,
    'openpose25': _OPENPOSE25,
    'openpose18': _OPENPOSE18,
    'h36m17': _H36M17,
    'azure32': _AZURE32,
    **image_layouts.tables(_OPENPOSE25),
}

# Layout -> (name, parent, point) of each joint.
ROWS = {
    name: [(*row.split(maxsplit=2), '')[:3] for row in table.strip().split(',')]
    for name, table in _TABLES.items()
}
# Body of SMPL, as in HumanML3D, MDM, WHAM and GVHMR, without and with its two hands.
ROWS['smpl22'] = ROWS['smplh52'][:22]
ROWS['smpl24'] = ROWS['smpl22'] + [
    (f'{side}_hand', f'{side}_wrist', f'{side} hand') for side in ('left', 'right')
]
