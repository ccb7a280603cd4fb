"""Hold room on a disk for as long as somebody says so: run as a module with a folder and a number of bytes.

Each line of standard input says for how many seconds from then on; nothing said, or nobody there, and it ends. The file
has no name, so that the kernel gives its room back however this process ends.
"""

import os
import select
import sys
from io import FileIO
from tempfile import TemporaryFile


def hold(folder: str, size: int, orders: FileIO) -> None:
    """Take the room, and keep it while orders come in time."""
    with TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, size)
        while line := orders.readline().strip():
            sys.stdout.write("held\n")
            sys.stdout.flush()
            if not select.select([orders], [], [], float(line))[0]:
                return


if __name__ == "__main__":
    hold(sys.argv[1], int(sys.argv[2]), FileIO(sys.stdin.fileno(), closefd=False))
