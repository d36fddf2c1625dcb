"""A bash on a terminal of its own, on the host that this runs on: jobs.py SOCKLAND DIRECTORY. A line for each of what a user of it sees."""
import os
import pty
import re
import select
import subprocess
import sys
import time

SERVER = """
import signal, socket
signal.signal(signal.SIGCONT, lambda *_: print('goes', 'on'))
s = socket.create_server(('', 7000))
c, _ = s.accept()
print('a', 'client')
c.recv(100)
"""
TIMER = """
import signal, socket
signal.setitimer(signal.ITIMER_REAL, 0.05)
socket.create_server(('', 7000)).accept()
"""
SOCKLAND, DIRECTORY = sys.argv[1:]
failed = 0


class Terminal:
    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        self.text = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def shows(self, pattern):
        """Waits until it does; forgets what stands before."""
        end = time.monotonic() + 20
        while not (m := re.search(pattern, self.text)):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return False
            self.text += os.read(self.fd, 4096).decode(errors="replace")
        self.text = self.text[m.end():]
        return True


def check(name, well):
    global failed
    failed |= not well
    print(("ok " if well else "not ok ") + name + ("" if well else ": it shows " + repr(terminal.text[-300:])), flush=True)


def listens():
    for _ in range(200):
        if subprocess.run([SOCKLAND, "show", "conns"], capture_output=True, text=True).stdout.count(":7000 ") > 0:
            return True
        time.sleep(0.05)
    return False


for name, text in ("server", SERVER), ("timer", TIMER):
    with open(f"{DIRECTORY}/{name}", "w", encoding="utf-8") as f:
        f.write(text)
os.chdir(DIRECTORY)
terminal = Terminal()
terminal.type("PS1='rea''dy> '\n")
check("a prompt", terminal.shows("ready> "))
terminal.type("python3 server\n")
check("the server listens", listens())
terminal.type("\x1a")
check("^Z stops it in accept", terminal.shows("Stopped"))
client = subprocess.Popen([SOCKLAND, "exec", "h1", "python3", "-c", "import socket; c = socket.create_connection(('10.0.0.2', 7000)); print(c.recv(1))"],
                          stdout=subprocess.PIPE)
terminal.type("fg\n")
check("fg: who came meanwhile is accepted", terminal.shows("a client"))
terminal.type("\x1a")
check("^Z stops it in recv", terminal.shows("Stopped"))
terminal.type("jobs\n")
check("it is a job", terminal.shows(r"\[1\]\+ +Stopped"))
terminal.type("fg\n")
check("fg again", terminal.shows("goes on"))
terminal.type("\x03")
check("^C ends it in recv", terminal.shows("KeyboardInterrupt"))
check("its peer sees the end", client.wait(20) == 0 and client.stdout.read() == b"b''\n")
terminal.type("python3 timer; echo status $?\n")
check("an interval timer ends an accept", terminal.shows("status 142"))
terminal.type("exit\n")
os.waitpid(terminal.pid, 0)
sys.exit(failed)
