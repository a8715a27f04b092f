"""What is done to the motion of every reader, whatever the format."""

from skeljax.errors import FormatError
from skeljax.formats.motion import Motion, without_padding


def finish(path, motion: Motion) -> Motion:
    """Returns a motion without bodies that are padding.

    Args:
        path: of the file, for messages.
        motion: as its reader returned it.

    Raises:
        FormatError: nobody is in any frame.
    """
    motion = without_padding(motion)
    if not motion.valid.any():
        raise FormatError(f'{path}: nobody in {len(motion.joints)} frames: all joints are 0')
    return motion
