#!/usr/bin/python3
"""The prompt of `sockland up` on a terminal: editing, ^C, programs that read and draw, ^D. prompt.py SOCKLAND: prints "ok", or what went wrong."""
import os
import pty
import select
import sys
import time

PROMPT = b"sockland> "
PATIENCE_S = 20


class Terminal:
    def __init__(self, *argv):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(argv[0], argv)

    def read(self, end):
        """More of what is shown; False at its end."""
        if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f"nothing more came after {self.seen[-300:]!r}")
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.seen += data
        return bool(data)

    def wait(self, text):
        end = time.monotonic() + PATIENCE_S
        while text not in self.seen:
            if not self.read(end):
                sys.exit(f"it ended before {text!r}, with {self.seen[-300:]!r}")
        self.seen = self.seen.partition(text)[2]

    def type(self, text, *answers):
        os.write(self.fd, text)
        for answer in answers:
            self.wait(answer)

    def status(self):
        end = time.monotonic() + PATIENCE_S
        while self.read(end):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


t = Terminal(sys.argv[1], "up", "--name", "typed")
t.wait(PROMPT)
t.type(b"nodes\n", b"\nh1 h2 s1\r\n", PROMPT)
t.type(b"nodez\x7fs\n", b"\nh1 h2 s1\r\n", PROMPT)                  # DEL edits
t.type(b"\x1b[A\n", b"\nh1 h2 s1\r\n", PROMPT)                      # up: the line before
t.type(b"nod\t", b"es ")                                           # TAB completes …
t.type(b"\n", b"\nh1 h2 s1\r\n", PROMPT)
t.type(b"link h\t", b"\nh1  h2  h1--s1  h2--s1  \r\n", PROMPT + b"link h")    # … or says what there is
t.type(b"1-\t down\n", PROMPT)
t.type(b"link h1--s1 up\n", PROMPT)
t.type(b"h1 ping -i 0.2 h2\n", b"bytes from")
t.type(b"\x03", b"min/avg/max", PROMPT)                              # ^C ends the command …
t.type(b"exit\x03", PROMPT)                                           # … or the line, and never the prompt
t.type(b"h1 sh -c 'echo ready; read x; echo got $x'\n", b"\nready")
t.type(b"abc\n", b"\ngot abc", PROMPT)                                # a program reads what is typed
t.type(b"show top\n", b"q ends this")
t.type(b"q", PROMPT)
t.type(b"h2 sh -c 'exit 5'\n", PROMPT)
t.type(b"\x04")
status = t.status()
print("ok" if status == 5 else f"exit status {status}")
