"""What to export instead of a file that is not read, and with which free tool."""

from pathlib import Path

_BLENDER = 'export BVH from it, e.g. with Blender (free): import, then File > Export > .bvh'
_VIDEO = 'run a pose estimator over it, e.g. MediaPipe, RTMPose or Sports2D (free)'
_ARRAY = 'save joints [frames, joints, 3] from it as .npz or .csv'

# Endings, lower case -> what to do.
_HINTS = {
    '.fbx .glb .gltf .blend .dae .usd .usda .usdc .usdz .abc .vmd':
        f'an animation that is not read; {_BLENDER}',
    '.max .ma .mb .bip': f'a scene of its own program; export FBX there, and of that {_BLENDER}',
    '.obj .ply .stl .vrm': f'a 3-D model without joints over time; of an animation {_BLENDER}',
    '.mp4 .avi .mov .mkv .webm .m4v .wmv .mpg .mpeg .mts': f'a video, not joints; {_VIDEO}',
    '.mot .sto':
        'holds joint angles of an OpenSim model, not points; give the .trc that they come from, '
        'or export positions by OpenSim (free): Analyze > PointKinematics',
    '.osim': 'an OpenSim model without a motion; give the .trc of its markers',
    '.tak': 'a take of Motive; export C3D, BVH or CSV from it (File > Export)',
    '.x1d .x2d .xcp .system .enf .history .vsk .vst .trial':
        'belongs to a session of Vicon; export C3D or CSV of its trajectories',
    '.qtm': 'a project of Qualisys; export C3D or TSV from it (File > Export)',
    '.mvn': 'a recording of Xsens MVN; export MVNX, BVH or C3D from it (File > Export)',
    '.cap .htr .htr2 .trb .anb .anc .forces':
        'belongs to a session of Cortex or Nokov; export TRC or C3D from it',
    '.mat': f'a MATLAB file; {_ARRAY}',
    '.rrd .bag .mcap .db3': f'a log of messages; {_ARRAY}',
    '.xef .oni .svo .svo2':
        'a recording of a depth camera; export the joints of its body tracking as CSV or JSON',
    '.xlsx .xls .ods': 'a spreadsheet; save it as CSV',
    '.parquet .feather .arrow': 'a table that is not read; save it as CSV, e.g. with pandas',
    '.zip .tar .tar.gz .tgz .7z .rar .zst': 'an archive; unpack it first',
    '.asf .asf.gz': 'a skeleton without a motion; give the .amc beside it',
    '.eaf .textgrid .anvil .boris': 'holds labels, not joints',
}


def unreadable(path) -> str:
    """Returns advice on a file that no reader can read, '' if unknown."""
    name = Path(path).name.lower()
    return next((hint for some, hint in _HINTS.items() if name.endswith(tuple(some.split()))), '')
