"""The joint layouts of pose estimators and their data sets as data.

In the form of `skeljax.skeletons.layouts`: `name parent point` of each joint, in order. The orders
are those of the public descriptions cited; trees are chosen here if there is none.
"""

# Halpe, body part (github.com/Fang-Haoshu/Halpe-FullBody); the first of its 136 points.
_HALPE26 = """
Nose Neck nose, LEye Nose left eye, REye Nose right eye, LEar LEye left ear, REar REye right ear,
LShoulder Neck left shoulder, RShoulder Neck right shoulder, LElbow LShoulder left elbow,
RElbow RShoulder right elbow, LWrist LElbow left wrist, RWrist RElbow right wrist,
LHip Hip left hip, RHip Hip right hip, LKnee LHip left knee, RKnee RHip right knee,
LAnkle LKnee left ankle, RAnkle RKnee right ankle, Head Neck head top, Neck Hip neck,
Hip - pelvis, LBigToe LAnkle left toe, RBigToe RAnkle right toe,
LSmallToe LBigToe left small toe, RSmallToe RBigToe right small toe,
LHeel LAnkle left heel, RHeel RAnkle right heel
"""

# COCO-WholeBody, body and feet (arXiv 2007.11858); the first 23 of its 133. The tree is coco17's.
_COCO23 = """
nose - nose, left_eye nose left eye, right_eye nose right eye, left_ear left_eye left ear,
right_ear right_eye right ear, left_shoulder nose left shoulder, right_shoulder nose right shoulder,
left_elbow left_shoulder left elbow, right_elbow right_shoulder right elbow,
left_wrist left_elbow left wrist, right_wrist right_elbow right wrist,
left_hip left_shoulder left hip, right_hip right_shoulder right hip,
left_knee left_hip left knee, right_knee right_hip right knee,
left_ankle left_knee left ankle, right_ankle right_knee right ankle,
left_big_toe left_ankle left toe, left_small_toe left_big_toe left small toe,
left_heel left_ankle left heel,
right_big_toe right_ankle right toe, right_small_toe right_big_toe right small toe,
right_heel right_ankle right heel
"""

# CrowdPose (arXiv 1812.00324); its head is the top of the head.
_CROWDPOSE14 = """
left_shoulder neck left shoulder, right_shoulder neck right shoulder,
left_elbow left_shoulder left elbow, right_elbow right_shoulder right elbow,
left_wrist left_elbow left wrist, right_wrist right_elbow right wrist,
left_hip left_shoulder left hip, right_hip right_shoulder right hip,
left_knee left_hip left knee, right_knee right_hip right knee,
left_ankle left_knee left ankle, right_ankle right_knee right ankle,
head neck head top, neck - neck
"""

# PoseTrack (arXiv 1710.10000); the bottom of the head is the neck.
_POSETRACK17 = """
nose head_bottom nose, head_bottom - neck, head_top head_bottom head top,
left_ear nose left ear, right_ear nose right ear,
left_shoulder head_bottom left shoulder, right_shoulder head_bottom right shoulder,
left_elbow left_shoulder left elbow, right_elbow right_shoulder right elbow,
left_wrist left_elbow left wrist, right_wrist right_elbow right wrist,
left_hip left_shoulder left hip, right_hip right_shoulder right hip,
left_knee left_hip left knee, right_knee right_hip right knee,
left_ankle left_knee left ankle, right_ankle right_knee right ankle
"""

# MPII Human Pose (human-pose.mpi-inf.mpg.de).
_MPII16 = """
right_ankle right_knee right ankle, right_knee right_hip right knee, right_hip pelvis right hip,
left_hip pelvis left hip, left_knee left_hip left knee, left_ankle left_knee left ankle,
pelvis - pelvis, thorax pelvis chest, upper_neck thorax neck, head_top upper_neck head top,
right_wrist right_elbow right wrist, right_elbow right_shoulder right elbow,
right_shoulder thorax right shoulder, left_shoulder thorax left shoulder,
left_elbow left_shoulder left elbow, left_wrist left_elbow left wrist
"""

# CMU Panoptic, coco19 (github.com/CMU-Perceptual-Computing-Lab/panoptic-toolbox); its neck is
# the middle of the shoulders.
_PANOPTIC19 = """
Neck BodyCenter chest, Nose Neck nose, BodyCenter - pelvis,
lShoulder Neck left shoulder, lElbow lShoulder left elbow, lWrist lElbow left wrist,
lHip BodyCenter left hip, lKnee lHip left knee, lAnkle lKnee left ankle,
rShoulder Neck right shoulder, rElbow rShoulder right elbow, rWrist rElbow right wrist,
rHip BodyCenter right hip, rKnee rHip right knee, rAnkle rKnee right ankle,
lEye Nose left eye, lEar lEye left ear, rEye Nose right eye, rEar rEye right ear
"""

# OpenPose's 21 points of a hand, behind those of BODY_25: the wrist again, then the fingers
# from the palm to the tip; tips mark what the Kinect calls thumb and hand tip.
_TIPS = {'Thumb': 'thumb', 'Middle': 'hand tip'}


def _hand(side: str, letter: str) -> str:
    rows = [f'{letter}Hand {letter}Wrist']
    for finger in ('Thumb', 'Index', 'Middle', 'Ring', 'Pinky'):
        for number in (1, 2, 3, 4):
            above = f'{letter}{finger}{number - 1}' if number > 1 else f'{letter}Hand'
            word = f'{finger.lower()} {number}' if number < 4 else _TIPS.get(finger, '')
            rows.append(f'{letter}{finger}{number} {above} {f"{side} {word}" if word else ""}')
    return ', '.join(rows)


def tables(openpose25: str) -> dict[str, str]:
    """Returns layout -> joints, in the form of `skeljax.skeletons.layouts`.

    Args:
        openpose25: joints of BODY_25 of OpenPose, to which the hands are added.
    """
    hands = ', '.join([openpose25.strip(), _hand('left', 'L'), _hand('right', 'R')])
    return {
        'halpe26': _HALPE26,
        'coco23': _COCO23,
        'crowdpose14': _CROWDPOSE14,
        'posetrack17': _POSETRACK17,
        'mpii16': _MPII16,
        'panoptic19': _PANOPTIC19,
        'openpose67': hands,
    }
