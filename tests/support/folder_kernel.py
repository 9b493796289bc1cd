"""A process that has a writable folder mounted, to be killed: ``python folder_kernel.py NAME DIR QUIET_S``."""

import sys
import time
from pathlib import Path

from folders import mount

if __name__ == "__main__":
    name, where, quiet_s = sys.argv[1:]
    folder = mount(name, Path(where), every_s=0.02, quiet_s=float(quiet_s))
    print("mounted", flush=True)
    if sys.stdin.readline():  # an empty line ends it as a kernel ends; nothing, and it waits to be killed
        sys.exit()
    while True:
        time.sleep(60)
