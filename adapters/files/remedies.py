"""What to do about an error of the operating system, in words for a hint."""

import errno

_WORDS = {
    errno.EROFS: "the file system is read-only: remount it read-write ('mount -o remount,rw')",
    errno.EACCES: "run this as root",
    errno.EPERM: "run this as root",
    errno.ENOSPC: "free some space on that file system",
    errno.EDQUOT: "free some space on that file system, or raise the quota",
}


def remedy(error: OSError) -> str:
    """Empty where there is nothing general to say."""
    return _WORDS.get(error.errno or 0, "")
