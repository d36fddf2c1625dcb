"""The kernel where our stack stands on the bench: at one end of a TUN device in a network namespace of its own, on real time, with a script of lang.h as
program and peer. Verbs are as in play.c."""
import errno
import fcntl
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import time
import zlib

US, PEER, US_PORT, PEER_PORT, PEER_ISN = {4: "10.0.0.1", 6: "fd00::1"}, {4: "10.0.0.2", 6: "fd00::2"}, 80, 40000, 0xfffffff0
FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ece": 64, "cwr": 128}
PSH = FLAGS["psh"]
STATES = ["", "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING"]
OPTIONS = {"nodelay": (6, 1), "cork": (6, 3), "maxseg": (6, 2), "quickack": (6, 12), "keepidle": (6, 4), "keepintvl": (6, 5), "keepcnt": (6, 6),
           "syncnt": (6, 7), "linger2": (6, 8), "defer_accept": (6, 9), "user_timeout": (6, 18), "rto_max": (6, 44), "window_clamp": (6, 10), "keepalive": (1, 9),
           "rcvbuf": (1, 8), "sndbuf": (1, 7), "rcvlowat": (1, 18), "oobinline": (1, 10), "error": (1, 4), "priority": (1, 12), "notsent_lowat": (6, 25), "thin_linear": (6, 16), "save_syn": (6, 27), "timestamp": (6, 24),
           "tos": (0, 1), "ttl": (0, 2), "hops": (41, 16), "tclass": (41, 67)}
ICMP = {"net-unreachable": (3, 0), "host-unreachable": (3, 1), "port-unreachable": (3, 3), "too-big": (3, 4), "source-quench": (4, 0),
        "time-exceeded": (11, 0), "parameter-problem": (12, 0)}
POLL = {"in": 1, "pri": 2, "out": 4, "err": 8, "hup": 16}
SETTINGS = {"net.ipv4.tcp_rmem": "4096 131072 6291456", "net.ipv4.tcp_wmem": "4096 16384 4194304",
            "net.ipv4.tcp_no_metrics_save": "1", "net.ipv4.icmp_ratelimit": "1000", "net.ipv6.conf.all.accept_dad": "0"}
# Fields of TCP_INFO: name, offset, kind.
INFO = [("state", 0, "B"), ("ca_state", 1, "B"), ("retransmits", 2, "B"), ("probes", 3, "B"), ("backoff", 4, "B"), ("options", 5, "B"),
        ("wscales", 6, "B"), ("rto", 8, "I"), ("ato", 12, "I"), ("snd_mss", 16, "I"), ("rcv_mss", 20, "I"), ("unacked", 24, "I"),
        ("sacked", 28, "I"), ("lost", 32, "I"), ("retrans", 36, "I"), ("last_data_sent", 44, "I"), ("last_data_recv", 52, "I"),
        ("last_ack_recv", 56, "I"), ("pmtu", 60, "I"), ("rcv_ssthresh", 64, "I"), ("rtt", 68, "I"), ("rttvar", 72, "I"), ("snd_ssthresh", 76, "I"),
        ("snd_cwnd", 80, "I"), ("advmss", 84, "I"), ("reordering", 88, "I"), ("rcv_rtt", 92, "I"), ("rcv_space", 96, "I"),
        ("total_retrans", 100, "I"), ("bytes_acked", 120, "Q"), ("bytes_received", 128, "Q"), ("segs_out", 136, "I"), ("segs_in", 140, "I"),
        ("notsent_bytes", 144, "I"), ("min_rtt", 148, "I"), ("data_segs_in", 152, "I"), ("data_segs_out", 156, "I"), ("delivered", 192, "I"),
        ("delivered_ce", 196, "I"), ("bytes_sent", 200, "Q"), ("bytes_retrans", 208, "Q"), ("dsack_dups", 216, "I"), ("reord_seen", 220, "I"),
        ("rcv_ooopack", 224, "I"), ("snd_wnd", 228, "I"), ("rcv_wnd", 232, "I"), ("total_rto", 240, "H"), ("total_rto_recoveries", 242, "H")]
GRACE_S, QUIET_S = 0.060, 0.004     # how late the kernel may be; how long nothing comes when nothing will
MASK = 0xffffffff
LINUX = (6, 18)
TUNSETOFFLOAD, TUN_F_CSUM, TUN_F_TSO = 0x400454d0, 1, 2 | 4


class Wrong(Exception):
    pass


def checksum(data):
    data += b"\0" * (len(data) % 2)
    return 0xffff - (int.from_bytes(data, "big") % 0xffff or 0xffff * any(data))


PATTERN = bytes((i * 7 + (i >> 8)) & 255 for i in range(1 << 16)) * 2


def pattern(at, n):
    at &= 0xffff
    return PATTERN[at:at + n]


def settle(name, value):
    with open("/proc/sys/" + name.replace(".", "/"), "w") as f:
        f.write(str(value))


def settle_all():
    """What scripts take for granted, in a new namespace."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, value in SETTINGS.items():
        settle(name, value)


def missing():
    if os.geteuid() != 0:
        return "NOT RUN: needs root"
    if not os.path.exists("/dev/net/tun") or not shutil.which("unshare") or not shutil.which("ip"):
        return "NOT RUN: there is no /dev/net/tun, unshare or ip"
    if subprocess.run(["unshare", "--net", "ip", "tuntap", "add", "t0", "mode", "tun"], stderr=subprocess.DEVNULL).returncode != 0:
        return "NOT RUN: no network namespace or TUN device can be made"
    release = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2])
    return None if release >= LINUX else "NOT RUN: scripts say what Linux %d.%d does" % LINUX


# ---- segment lines ----

def parse_segment(words):
    """As segment.c reads them."""
    g, i, flags = {"sack": [], "no": []}, 0, 0
    number = lambda j: j < len(words) and re.fullmatch(r"\d+", words[j])
    while i < len(words):
        w = words[i]
        i += 1
        if w in FLAGS:
            flags |= FLAGS[w]
            if w in ("ack", "urg") and number(i):
                g[w] = int(words[i])
                i += 1
        elif w in ("sackok", "bad-checksum"):
            g[w] = True
        elif w in ("ect0", "ect1", "ce"):
            g["ecn"] = {"ect0": 2, "ect1": 1, "ce": 3}[w]
        elif w == "sack":
            while i < len(words) and (m := re.fullmatch(r"(\d+)-(\d+)", words[i])):
                g["sack"].append((int(m[1]), int(m[2])))
                i += 1
        elif w == "no":
            g["no"].append(words[i])
            i += 1
        elif w == "ts":
            g["ts"] = int(words[i]) if number(i) else 0
            i += bool(number(i))
        elif w == "seq" and words[i] == "any":
            g["seq"] = None
            i += 1
        else:
            g[w] = int(words[i])
            i += 1
    g["flags"] = flags
    return g


def emit_options(g, iss):
    o = b""
    if "mss" in g:
        o += struct.pack("!BBH", 2, 4, g["mss"])
    if "sackok" in g:
        o += b"\4\2"
    if "ts" in g:
        o += struct.pack("!BBII", 8, 10, g["ts"], g.get("ecr", 0))
    if "wscale" in g:
        o += struct.pack("!BBB", 3, 3, g["wscale"])
    if g["sack"]:
        o += struct.pack("!BB", 5, 2 + 8 * len(g["sack"])) + b"".join(struct.pack("!II", (iss + a) & MASK, (iss + b) & MASK) for a, b in g["sack"])
    return o + b"\1" * (-len(o) % 4)


def parse_options(data):
    o = {"sack": [], "kinds": []}
    while data and data[0]:
        o["kinds"].append(data[0])
        if data[0] == 1:
            data = data[1:]
            continue
        kind, n = data[0], data[1]
        if kind == 2:
            o["mss"] = struct.unpack("!H", data[2:4])[0]
        elif kind == 3:
            o["wscale"] = data[2]
        elif kind == 4:
            o["sackok"] = True
        elif kind == 5:
            o["sack"] = [tuple((x - PEER_ISN) & MASK for x in struct.unpack("!II", data[j:j + 8])) for j in range(2, n, 8)]
        elif kind == 8:
            o["ts"], o["ecr"] = struct.unpack("!II", data[2:10])
        data = data[n:]
    return o


def judge(what, got, wanted):
    if got != wanted:
        raise Wrong("%s is %s, not %s" % (what, got, wanted))


# ---- the kernel's bench ----

def open_tun():
    """A device, up, with our addresses."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH14x", b"tun0", 0x1001))
    subprocess.run("ip addr add 10.0.0.1/8 dev tun0; ip -6 addr add fd00::1/64 dev tun0 nodad; ip link set tun0 up", shell=True, check=True)
    return tun


class Bench:
    def __init__(self, family, tun=None, peer=PEER):
        """On a device of its own, or one that is up already. Other peers are others to what the kernel remembers of each."""
        self.family, self.port, self.us_port, self.iss, self.peer_address = family, PEER_PORT, US_PORT, None, peer
        self.peer = self.ours = self.ts_seen = self.sent = self.read = 0
        self.sock = self.listener = None
        self.closed = False
        self.now = 0.0
        self.want = judge       # what becomes of an answer: (what it is, got, wanted)
        self.tun = tun or open_tun()
        self.began = time.monotonic()

    def close(self):
        for s in (self.sock, self.listener):
            if s:
                s.close()
        os.close(self.tun)

    # -- the wire --

    def read_tun(self, timeout):
        """The next TCP segment of the kernel, or None."""
        end = time.monotonic() + timeout
        while True:
            if not select.select([self.tun], [], [], max(0, end - time.monotonic()))[0]:
                return None
            if g := self.take_ip(os.read(self.tun, 65600)):
                return g

    def take_ip(self, p):
        """A TCP segment to our peer, or None."""
        if p[0] >> 4 == 4 and self.family == 4 and p[9] == 6 and p[16:20] == socket.inet_aton(self.peer_address[4]):
            return self.take(p[(p[0] & 15) * 4:struct.unpack("!H", p[2:4])[0]], p[1], p[8])
        if p[0] >> 4 == 6 and self.family == 6 and p[6] == 6 and p[24:40] == socket.inet_pton(socket.AF_INET6, self.peer_address[6]):
            return self.take(p[40:], (p[0] & 15) << 4 | p[1] >> 4, p[7])
        return None

    def take(self, t, tos, ttl):
        sport, dport, seq, ack, off, flags, win, _, urg = struct.unpack("!HHIIBBHHH", t[:20])
        if flags & 2 and self.iss is None:
            self.iss = seq
        g = dict(parse_options(t[20:(off >> 4) * 4]), flags=flags | (off & 1) << 8, win=win, urg=urg, tos=tos, ttl=ttl)
        g.update(seq_raw=seq, seq=(seq - (self.iss or 0)) & MASK, sum=zlib.adler32(t[(off >> 4) * 4:]) & 0xffff, ack=(ack - PEER_ISN) & MASK, len=len(t) - (off >> 4) * 4)
        if "ts" in g:
            self.ts_seen = g["ts"]
        end = (g["seq"] + g["len"] + bool(flags & 2) + bool(flags & 1)) & MASK
        if g["seq"] <= self.ours < end:
            self.ours = end
        return g

    def text(self, g):
        words = [w for w in FLAGS if g["flags"] & FLAGS[w]]
        line = "> " + " ".join("ack %d" % g["ack"] if w == "ack" else "urg %d" % g["urg"] if w == "urg" else w for w in words) + " seq %d" % g["seq"]
        for name in ("len", "win"):
            if g[name]:
                line += " %s %d" % (name, g[name])
        if not g["win"] and not g["flags"] & 4:
            line += " win 0"
        for name in ("mss", "wscale"):
            if name in g:
                line += " %s %d" % (name, g[name])
        if "ts" in g and not g["flags"] & 2 and g["ecr"]:
            line += " ecr %d" % g["ecr"]
        if g["sack"]:
            line += " sack " + " ".join("%d-%d" % b for b in g["sack"])
        return line + (" #NS" if g["flags"] & 256 else "") + (" #ecn %d" % (g["tos"] & 3) if g["tos"] & 3 else "")

    def told(self, g):
        """All of a segment that may be compared: not its initial sequence number, nor the clock of its timestamps."""
        if not g["seq_raw"] or g["flags"] & FLAGS["syn"]:
            g = dict(g, seq=0)      # an answer to who acknowledged nothing; or of another connection
        line = self.text(g)[2:] + " sum %d" % g["sum"] + " urg %d" % g["urg"] * (g["urg"] != 0) + " ecr %d" % g.get("ecr", 0) * ("ts" in g)
        return line + " kinds %s ttl %d tos %d" % (",".join(map(str, g["kinds"])), g["ttl"], g["tos"])

    def inject(self, g):
        g = dict(g)
        flags = g["flags"]
        g.setdefault("seq", 0 if flags & 2 else self.peer)
        if flags & 16:
            g.setdefault("ack", self.ours)
        if "ts" in g and flags & 16:
            g.setdefault("ecr", self.ts_seen)
        n = g.get("len", 0)
        options = emit_options(g, self.iss or 0)
        ack = ((self.iss or 0) + g.get("ack", 0)) & MASK if flags & 16 else 0
        t = struct.pack("!HHIIBBHHH", self.port, self.us_port, (PEER_ISN + g["seq"]) & MASK, ack, (5 + len(options) // 4) << 4 | flags >> 8, flags & 255,
                        g.get("win", 65535), 0, g.get("urg", 0)) + options + pattern(g["seq"] + bool(flags & 2), n)
        self.send_ip(6, self.summed(t, 16, bool(g.get("bad-checksum"))), g.get("ecn", 0))
        end = (g["seq"] + n + bool(flags & 2) + bool(flags & 1)) & MASK
        if "bad-checksum" not in g and g["seq"] <= self.peer < end:
            self.peer = end

    def summed(self, t, at, bad=False, proto=6):
        f = socket.AF_INET if self.family == 4 else socket.AF_INET6
        ends = socket.inet_pton(f, self.peer_address[self.family]) + socket.inet_pton(f, US[self.family])
        c = checksum(ends + struct.pack("!II", len(t), proto) + t) ^ bad
        return t[:at] + struct.pack("!H", c) + t[at + 2:]

    def send_ip(self, proto, t, tos=0):
        os.write(self.tun, self.ip(proto, t, tos, self.peer_address, US))

    def ip(self, proto, t, tos, src, dst):
        if self.family == 6:
            return struct.pack("!IHBB", 6 << 28 | tos << 20, len(t), proto, 64) + socket.inet_pton(socket.AF_INET6, src[6]) + socket.inet_pton(socket.AF_INET6, dst[6]) + t
        h = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(t), 0, 0, 64, proto, 0, socket.inet_aton(src[4]), socket.inet_aton(dst[4]))
        return h[:10] + struct.pack("!H", checksum(h)) + h[12:] + t

    def icmp(self, kind, mtu, seq):
        t, c = ICMP[kind]
        quote = self.ip(6, struct.pack("!HHIIBBHHH", self.us_port, self.port, (self.iss + seq) & MASK, 0, 0x50, 16, 0, 0, 0), 0, US, self.peer_address)
        if self.family == 6:
            t, c = (3, 0) if t == 11 else (2, 0) if c == 4 else (1, 4 if c == 3 else 3)
            self.send_ip(58, self.summed(struct.pack("!BBHI", t, c, 0, mtu) + quote, 2, proto=58))
        else:
            m = struct.pack("!BBHI", t, c, 0, mtu) + quote
            self.send_ip(1, m[:2] + struct.pack("!H", checksum(m)) + m[4:])

    # -- time --

    def sleep_to(self, when):
        time.sleep(max(0, self.began + when - time.monotonic()))

    def drain(self):
        """What was sent so far: for records."""
        out = []
        while g := self.read_tun(QUIET_S):
            out.append(g)
        return out


def told_info(octets):
    octets = (octets + bytes(248))[:248]
    return " ".join("%s=%d" % (name, struct.unpack_from("=" + kind, octets, at)[0]) for name, at, kind in INFO)


# ---- verbs ----

def seconds(word):
    m = re.fullmatch(r"(\d+)(us|ms|s|min)", word)
    return int(m[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60}[m[2]]


def gives(words, usual):
    if "fails" in words:
        return -getattr(errno, words[words.index("fails") + 1])
    return int(words[words.index("gives") + 1]) if "gives" in words else usual


def called(call):
    try:
        return call()
    except OSError as e:
        return -e.errno


def expect(b, words):
    w = parse_segment(words)
    ours = b.ours
    g = b.read_tun(GRACE_S)
    if not g:
        raise Wrong("nothing was sent")
    sent = b.text(g)
    if (g["flags"] & 255 & ~PSH) != (w["flags"] & ~PSH) or (w["flags"] & PSH and not g["flags"] & PSH):
        raise Wrong("sent " + sent)
    if w.get("seq", 0 if w["flags"] & 2 else ours) is not None:
        b.want("seq in " + sent, g["seq"], w.get("seq", 0 if w["flags"] & 2 else ours))
    if w["flags"] & 16:
        b.want("ack in " + sent, g["ack"], w.get("ack", b.peer))
    b.want("len in " + sent, g["len"], w.get("len", 0))
    for name in ("win", "mss", "wscale", "ecr", "tos", "ttl", "sackok"):
        if name in w:
            b.want(name + " in " + sent, g.get(name), w[name])
    if w["sack"]:
        b.want("sack in " + sent, g["sack"][:len(w["sack"])], w["sack"])
    if "psh" in w["no"]:
        b.want("psh in " + sent, g["flags"] & PSH, 0)
    for name in w["no"]:
        b.want(name + " in " + sent, bool(g.get(name) or name == "sack" and g.get("sackok")), False)
    if "ecn" in w:
        b.want("the ECN field of " + sent, g["tos"] & 3, w["ecn"])


def expect_nothing(b, words):
    if words[2:3] == ["for"]:
        b.now += seconds(words[3])
    late = max(QUIET_S, (b.began + b.now - time.monotonic()) - 0.003)
    if g := b.read_tun(late):
        raise Wrong("sent " + b.text(g))
    b.sleep_to(b.now)


def open_socket(b):
    s = socket.socket(socket.AF_INET if b.family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    s.setblocking(False)
    s.setsockopt(6, 13, b"cubic")
    return s


def listen(b, words):
    b.listener = open_socket(b)
    b.listener.setsockopt(1, 2, 1)
    for level, name, value in getattr(b, "early", []):
        b.listener.setsockopt(level, name, value)
    b.listener.bind((US[b.family], US_PORT))
    b.listener.listen(int(words[0]) if words else 5)


def seen(b, what):
    g = b.read_tun(GRACE_S)
    if not g:
        raise Wrong("nothing was sent, not " + what)
    return g


def established(b, words):
    g = parse_segment(words)
    if not b.listener:
        listen(b, ["16"])
    b.inject(dict(g, flags=2, seq=0, mss=g.get("mss", 1460)))
    seen(b, "a SYN and ACK")
    b.peer = b.ours = 1
    b.inject(dict({k: v for k, v in g.items() if k in ("win", "ts", "no")}, sack=[], flags=16))
    time.sleep(QUIET_S)
    b.sock = b.listener.accept()[0]
    b.sock.setblocking(False)


def connect(b):
    b.sock = b.sock or open_socket(b)
    r = b.sock.connect_ex((b.peer_address[b.family], PEER_PORT))
    b.us_port = b.sock.getsockname()[1]
    return -r


def connected(b, words):
    g = parse_segment(words)
    b.want("what connect returned", connect(b), -errno.EINPROGRESS)
    seen(b, "a SYN")
    b.ours = 1
    b.inject(dict(g, flags=18, seq=0, mss=g.get("mss", 1460)))
    b.peer = 1
    seen(b, "an ACK")


def accept(b, words):
    def call():
        b.sock = b.listener.accept()[0]
        b.sock.setblocking(False)
        return 0
    b.want("what accept returned", called(call), gives(words, 0))


def send(b, words):
    flags = (1 if "oob" in words else 0) | (0x8000 if "more" in words else 0) | 0x4000
    r = called(lambda: b.sock.send(pattern(b.sent + 1, int(words[0])), flags))
    b.sent += max(r, 0)
    b.want("what send returned", r, gives(words, int(words[0])))


def recv(b, words):
    flags = (1 if "oob" in words else 0) | (2 if "peek" in words else 0)
    r = called(lambda: len(b.sock.recv(int(words[0]), flags)))
    b.want("what recv returned", r, gives(words, int(words[0])))


def shutdown(b, words):
    def call():
        subject(b).shutdown({"read": 0, "write": 1, "both": 2}[words[0]])
        return 0
    b.want("what shutdown returned", called(call), gives(words, 0))


def close(b, _):
    b.sock.close()
    b.sock, b.closed = None, True


def subject(b):
    return b.sock or b.listener


def set_option(b, words):
    def call():
        subject(b).setsockopt(*OPTIONS[words[0]], int(words[1]))
        return 0
    b.want("what setsockopt returned", called(call), gives(words, 0))


def get_option(b, words):
    b.want(words[0], called(lambda: subject(b).getsockopt(*OPTIONS[words[0]])), int(words[1]))


def info(b, words):
    fields = dict(word.split("=") for word in told_info(subject(b).getsockopt(6, 11, 256)).split())
    b.want(words[0], int(fields[words[0]]), int(words[1]))


def offload(b, _):
    fcntl.ioctl(b.tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO)


def state(b, words):
    files = {4: "/proc/net/tcp", 6: "/proc/net/tcp6"}
    rows = [line.split() for line in open(files[b.family])][1:]
    octets = socket.inet_pton(socket.AF_INET if b.family == 4 else socket.AF_INET6, b.peer_address[b.family])
    peer = "".join("%08X" % word for word in struct.unpack("=%dI" % (len(octets) // 4), octets)) + ":%04X" % b.port
    now = [int(r[3], 16) for r in rows if r[1].endswith(":%04X" % b.us_port) and r[2] == peer]
    b.want("the state", STATES[now[0]] if now else "LISTEN" if b.listener and not b.sock and not b.closed else "CLOSED", words[0])


def poll(b, words):
    p = select.poll()
    p.register(subject(b), 31)
    got = p.poll(0)
    b.want("what poll says", got[0][1] & 31 if got else 0, sum(POLL[w] for w in words if w != "nothing"))


def forget(b, _):
    b.drain()


def peer(b, words):
    b.port, b.iss, b.peer, b.ours = int(words[1]), None, 0, 0


def icmp(b, words):
    b.icmp(words[0], int(words[words.index("mtu") + 1]) if "mtu" in words else 0, int(words[words.index("seq") + 1]) if "seq" in words else b.ours)


def wait(b, words):
    b.now += seconds(words[0])
    b.sleep_to(b.now)


def sysctl(b, words):
    settle(words[0], words[1])
    b.want("the setting", 0, 0)


def new_socket(b, _):
    b.sock = open_socket(b)


VERBS = {">": expect, "<": lambda b, w: b.inject(parse_segment(w)), "expect": expect_nothing, "forget": forget, "wait": wait, "established": established,
         "connected": connected, "listen": listen, "socket": new_socket, "accept": accept,
         "connect": lambda b, w: b.want("what connect returned", connect(b), gives(w, 0 if w else -errno.EINPROGRESS)), "peer": peer, "send": send,
         "recv": recv, "shutdown": shutdown, "close": close, "set": set_option,
         "get": get_option, "sysctl": sysctl, "state": state,
         "error": lambda b, w: b.want("the error", b.sock.getsockopt(1, 4), 0 if w[0] == "none" else getattr(errno, w[0])), "poll": poll, "icmp": icmp, "info": info,
         "offload": offload}
