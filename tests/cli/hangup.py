#!/usr/bin/python3
"""A terminal that goes away ends what was started from it: hangup.py COMMAND…: prints the exit status, or that it goes on."""
import os
import pty
import sys
import time

pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
while b"ready" not in seen:
    seen += os.read(fd, 4096)
os.close(fd)
end = time.monotonic() + 20
while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0 and time.monotonic() < end:
    time.sleep(0.02)
print(os.waitstatus_to_exitcode(ended[1]) if ended[0] else "goes on")
