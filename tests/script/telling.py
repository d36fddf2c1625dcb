"""What was seen when a script was played, by the kernel and by our stack, and where the two are not alike.

The kernel's time is real: a step comes when it comes. So the kernel plays first, and ours plays the same steps at the microseconds at which the
kernel's were done; what is left of real time is how late the kernel's timers are. They tick each 4 ms (HZ is 250, and less elsewhere), and the timer
wheel rounds a delay up by as much as an eighth of it. An event may be off by that, and by what a busy machine takes until the reader runs.
"""
import errno
import fcntl
import re
import struct
import subprocess
import time
from collections import namedtuple

from kernel import TUNSETOFFLOAD, VERBS, told_info, Bench, seconds, settle, subject

Event = namedtuple("Event", "us step what text")         # what: ">" a segment, "=" an answer
LATE_US, LATE_PART = 12000, 0.13
AGES_MS = 1000000        # what never was was when the machine began

IN_TIME = {"rto", "ato", "rtt", "rttvar", "rcv_rtt", "min_rtt", "last_data_sent", "last_data_recv", "last_ack_recv"}
NEEDS_NONE = ("offload", "listen", "socket", "connect", "<", "wait", "sysctl", "icmp", "state", "peer")


def adler(data):
    s = 0
    for octet in data:
        s = (s * 31 + octet) & 0xffff
    return s


# ---- the kernel ----

class Telling:
    """A play on the kernel's bench, told. Steps that have no socket to act on are void, and so for ours."""

    def __init__(self, bench, lines):
        self.b, self.lines, self.events, self.concrete, self.at = bench, lines, [], [], []
        self.old_settings = {}

    def now(self):
        return int((time.monotonic() - self.b.began) * 1e6)

    def packets(self, step, until=0.0):
        """Those that come before then, or that are there."""
        while True:
            left = self.b.began + until - time.monotonic() if until else 0
            if g := self.b.read_tun(max(0, left)):
                self.events.append(Event(self.now(), step, ">", self.b.told(g)))
            elif left <= 0:
                return

    def answer(self, words):
        """What a step answers, as play --tell says it; None: nothing."""
        b = self.b
        answers = []
        b.want = lambda what, got, wanted: answers.append(got)
        if words[0] == "sysctl":
            with open("/proc/sys/" + words[1].replace(".", "/")) as f:
                self.old_settings.setdefault(words[1], f.read().strip())
        if words[0] == "info":
            return told_info(subject(b).getsockopt(6, 11, 256))
        if words[0] == "recv":
            return self.recv(words[1:])
        VERBS[words[0]](b, words[1:])
        if words[0] == "error":
            return errno.errorcode.get(answers[0], "?") if answers[0] else "none"
        return None if not answers else str(answers[0])

    def recv(self, words):
        flags = (1 if "oob" in words else 0) | (2 if "peek" in words else 0)
        try:
            got = self.b.sock.recv(int(words[0]), flags)
            return "%d sum %d" % (len(got), adler(got))
        except OSError as e:
            return "%d sum 0" % -e.errno

    def is_void(self, words):
        b = self.b
        if words[0] in ("send", "recv", "close") or words[0] == "error":
            return b.sock is None
        if words[0] == "accept":
            return b.listener is None or b.sock is not None
        if words[0] in ("connect", "socket"):
            return words[0] == "socket" and b.sock is not None or b.listener is not None
        if words[0] == "icmp":
            return b.iss is None
        if words[0] == "state":
            return b.sock is None and not b.closed
        return words[0] not in NEEDS_NONE and subject(b) is None

    def play(self):
        for step, line in enumerate(self.lines):
            words = line.split()
            if words[0] == "wait":
                self.b.now += seconds(words[1])
                self.packets(step, self.b.now)
                self.concrete.append((self.now(), None, step))
                continue
            if self.is_void(words):
                continue
            at = self.now()
            answer = self.answer(words)
            self.concrete.append((at, line, step))
            if answer is not None:
                self.events.append(Event(at, step, "=", answer))
            self.packets(step)
        for name, value in self.old_settings.items():
            settle(name, value)


def tell_kernel(family, lines, tun, peer):
    """(events, [(us, line or None, step)])"""
    fcntl.ioctl(tun, TUNSETOFFLOAD, 0)       # a script before may have asked for it
    b = Bench(family, tun, peer)
    t = Telling(b, lines)
    try:
        t.play()
    finally:
        for s in (b.sock, b.listener):
            if s:
                s.setsockopt(1, 13, struct.pack("ii", 1, 0))
                s.close()

    return t.events, t.concrete


# ---- ours ----

def waits(us):
    return ["wait 1s"] * (us // 1000000) + ["wait %dus" % (us % 1000000)] * (us % 1000000 > 0)


def as_played(concrete):
    """The lines with the waits that the kernel really had, and of which step each is."""
    lines, steps, now = [], [], 0
    for us, line, step in concrete:
        for wait in waits(max(0, us - now)):
            lines.append(wait)
            steps.append(step)
        now = max(us, now)
        if line:
            lines.append(line)
            steps.append(step)
    return lines, steps


def tell_ours(play, family, concrete, path):
    lines, steps = as_played(concrete)
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")
    p = subprocess.run([play, "--tell", "ipv%d" % family, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    b = Bench(family, -1)
    events = []
    for told in p.stdout.decode(errors="replace").splitlines():
        m = re.fullmatch(r"(\d+) (\d+) ([>=]) (.*)", told)
        if not m:
            events.append(Event(events[-1].us if events else 0, -1, "!", told))
            continue
        us, step, text = int(m[1]), steps[int(m[2]) - 1], m[4]
        if m[3] == ">":
            g = b.take_ip(bytes.fromhex(text))
            if not g:
                continue
            text = b.told(g)
        elif lines[int(m[2]) - 1] == "info":
            text = told_info(bytes.fromhex(text))
        events.append(Event(us, step, m[3], text))
    if p.returncode:
        events.append(Event(events[-1].us if events else 0, -1, "!", "ended with status %d" % p.returncode))
    return events


# ---- alike? ----

def near(a, b, allowed):
    return abs(a - b) <= allowed


def unlike_info(want, got, allowed):
    """The fields in which two differ."""
    found = []
    for a, b in zip(want.split(), got.split()):
        (name, x), (_, y) = a.split("="), b.split("=")
        units = 1 if not name.startswith("last") else 1000
        if a != b and not (name.startswith("last") and int(x) > AGES_MS) and not (name in IN_TIME and near(int(x) * units, int(y) * units, allowed + int(x) * units // 8)):
            found.append((a, b))
    return found


def unlike(want, got, allowed):
    """None, or how two events differ, in short."""
    if want.what != got.what or want.step != got.step and want.what == "=":
        return want.what + " " + want.text, got.what + " " + got.text
    if "=" in want.text and "=" in got.text:
        if found := unlike_info(want.text, got.text, allowed):
            return "info " + found[0][0], "info " + found[0][1] + "".join(" (%s, %s)" % f for f in found[1:])
    elif want.text != got.text:
        return want.what + " " + want.text, got.what + " " + got.text
    if not near(want.us, got.us, allowed):
        return "%s at %d" % (want.text, want.us), "%s at %d" % (got.text, got.us)
    return None


def difference(want, got, concrete):
    """(how the kernel's event differs, how ours, the step) of the first that does; None: alike, "close" where a timer and a step are so near to each other that either may
    come first."""
    end = concrete[-1][0] if concrete else 0
    acts = [us for us, line, _ in concrete if line] + [end]
    waiting = {step for _, line, step in concrete if not line}
    for i in range(max(len(want), len(got))):
        a = want[i] if i < len(want) else None
        b = got[i] if i < len(got) else None
        first = min(e.us for e in (a, b) if e)
        segments = [e.us for e in want[:i] if e.what == ">"]
        since = first - (segments[-2] if len(segments) > 1 else 0)
        allowed = LATE_US + LATE_PART * since
        how = unlike(a, b, allowed) if a and b else ("%s %s" % (a.what, a.text) if a else "nothing", "%s %s" % (b.what, b.text) if b else "nothing")
        if not how:
            continue
        timed = [e for e in (a, b) if e and e.what == ">" and e.step in waiting]
        if any(near(e.us, act, allowed) for e in timed for act in acts):
            return "close"
        return how + ((a or b).step,)
    return None
