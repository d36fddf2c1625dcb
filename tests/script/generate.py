"""Random scripts of lang.h: a connection is opened, passively or actively, and then calls, segments and silence come in any order, most of them such as
an honest peer and a usual program would choose, many not. Nothing is expected: tests/script/hunt compares what comes of them."""
import random

MSS = [None, 88, 536, 1000, 1000, 1300, 1460, 1460, 1460, 9000]
SYSCTLS = ["tcp_sack 0", "tcp_timestamps 0", "tcp_window_scaling 0", "tcp_ecn 1", "tcp_dsack 0", "tcp_frto 0", "tcp_early_retrans 0", 
           "tcp_shrink_window 1", "tcp_slow_start_after_idle 0", "tcp_retries2 3", "tcp_syn_retries 1", "tcp_synack_retries 1", "tcp_fin_timeout 1",
           "tcp_rfc1337 1", "tcp_mtu_probing 1", "tcp_abort_on_overflow 1", "tcp_moderate_rcvbuf 0",
           "tcp_syncookies 2", "tcp_retries1 1", "tcp_orphan_retries 1", "tcp_thin_linear_timeouts 1", 
           "tcp_max_reordering 3", "tcp_syn_linear_timeouts 0", "tcp_tso_win_divisor 1", "tcp_keepalive_time 1"]
ICMP = ["net-unreachable", "host-unreachable", "port-unreachable", "source-quench", "time-exceeded", "parameter-problem"]
OPTIONS = {"nodelay": [0, 1, 1], "cork": [0, 1, 1], "maxseg": [88, 500, 1000, 1460, 40000], "quickack": [0, 1], "user_timeout": [0, 100, 700, 3000],
           "defer_accept": [0, 1, 3], "keepidle": [1, 2], "keepintvl": [1], "keepcnt": [1, 2], "keepalive": [0, 1, 1], "rcvbuf": [0, 3000, 6000, 20000, 100000],
           "rcvlowat": [0, 1, 500, 5000], "oobinline": [0, 1], "syncnt": [1, 2], "linger2": [1, 2],
           "window_clamp": [0, 1000, 5000, 30000], "tos": [0, 16, 3, 8], "ttl": [5, 64], "notsent_lowat": [1, 1000, 100000], "priority": [3],
           "tclass": [0, 16, 3], "hops": [5, 64], "thin_linear": [0, 1], "save_syn": [1], "rto_max": [1000, 2000], "timestamp": [0, 5000]}
EARLY = ["maxseg", "rcvbuf", "rcvlowat", "defer_accept", "nodelay", "user_timeout", "window_clamp", "syncnt", "oobinline", "keepalive", "quickack"]
FRAME = 1420            # what fits into an Ethernet frame with the longest of headers here
SHORT, LONG = ["1ms", "3ms", "10ms", "20ms", "50ms"], ["100ms", "250ms", "330ms", "700ms", "1100ms"]
SIZES = [1, 1, 10, 100, 500, 999, 1000, 1001, 1460, 2000, 2500, 3000, 4380, 10000, 30000]


class Peer:
    """What the script's peer has said and seen, as far as that can be known before it is played."""

    def __init__(self, r):
        self.r, self.pos, self.sent, self.ts, self.sack, self.clock, self.mss = r, 0, 1, False, False, 1000, 1460

    def syn_options(self):
        r, words = self.r, []
        mss = r.choice(MSS)
        if mss:
            words.append("mss %d" % mss)
        self.mss = min(mss or 536, FRAME)
        self.sack = r.random() < 0.7
        self.ts = r.random() < 0.4
        if self.sack:
            words.append("sackok")
        if self.ts:
            words.append("ts %d" % self.clock)
        if r.random() < 0.75:
            words.append("wscale %d" % r.choice([0, 2, 7, 7, 14]))
        if r.random() < 0.3:
            words.append("win %d" % r.choice([0, 1, 500, 5000, 30000, 65535]))
        return words

    def stamp(self):
        """Usually honest."""
        r = self.r
        self.clock += r.randrange(30)
        if not self.ts:
            return ["ts 77"] if r.random() < 0.02 else []
        if r.random() < 0.06:
            return []
        if r.random() < 0.08:
            return ["ts %d" % r.choice([self.clock - 500, self.clock - 1, 0, 1 << 31, self.clock + 100000])] + r.choice([[], ["ecr 0"], ["ecr 5"]])
        return ["ts %d" % self.clock]

    def length(self):
        return self.r.choice([1, 10, 100, self.mss, self.mss, self.mss, self.mss // 2, min(2 * self.mss, FRAME)])

    def window(self):
        return ["win %d" % self.r.choice([0, 0, 1, 10, 100, 500, 1000, 2000, 65535])] if self.r.random() < 0.25 else []

    def ack(self):
        """Mostly of all that was seen."""
        r = self.r
        return ["ack"] if r.random() < 0.8 else ["ack %d" % r.choice([1, 0, r.randrange(1, self.sent + 1), r.randrange(1, self.sent + 1), self.sent, self.sent + 500])]

    def segment(self, words):
        return "< " + " ".join(words + self.window() + self.stamp())

    # ---- what it may send ----

    def data(self):
        n, at = self.length(), self.pos
        self.pos += n
        return self.segment(self.ack() + self.r.choice([[], ["psh"]]) + ["seq %d" % at, "len %d" % n] + self.r.choice([[], [], [], [], ["ect0"], ["ce"]]))

    def strange_data(self):
        r, n = self.r, self.length()
        at = r.choice([self.pos + self.mss, self.pos + self.mss, self.pos + 2 * self.mss, self.pos + 10, max(1, self.pos - n), max(1, self.pos - n // 2), 1,
                       self.pos - 1, self.pos, self.pos + 60000, self.pos + 70000, self.pos + (1 << 31) - 5])
        return self.segment(self.ack() + ["seq %d" % max(at, 0), "len %d" % n])

    def bare_ack(self):
        return self.segment(self.ack())

    def sacks(self):
        r, blocks = self.r, []
        for _ in range(r.choice([1, 1, 2, 3])):
            a = r.choice([1, r.randrange(1, self.sent + 1), 1 + self.mss * r.randrange(1, 6)])
            blocks.append("%d-%d" % (a, a + r.choice([1, self.mss, self.mss, 2 * self.mss, 3 * self.mss, 500])))
        return self.segment(self.ack() + ["sack " + " ".join(blocks)])

    def fin(self):
        n, at = self.r.choice([0, 0, 10, self.mss]), self.pos
        self.pos += n + 1
        return self.segment(["fin"] + self.ack() + ["seq %d" % at] + (["len %d" % n] if n else []))

    def reset(self):
        at = self.r.choice([self.pos, self.pos, self.pos + 1, self.pos + 500, self.pos + 100000, max(0, self.pos - 1)])
        return "< rst %sseq %d" % (self.r.choice(["", "ack "]), at) + "".join(" " + w for w in self.stamp())

    def syn(self):
        at = self.r.choice([0, 0, self.pos, self.pos + 1, self.pos + 500, self.pos + 1000000])
        return self.segment(["syn"] + self.r.choice([[], ["ack"]]) + ["seq %d" % at, "mss 1000"])

    def urgent(self):
        n, at = self.length(), self.pos
        self.pos += n
        return self.segment(["urg %d" % self.r.choice([0, 1, n, n + 1, n // 2, n + 50, 65535])] + self.ack() + ["seq %d" % at, "len %d" % n])

    def odd(self):
        at = self.pos
        return self.r.choice(["< seq %d len 10" % at, "< fin seq %d" % at, "< syn fin seq %d" % at, "< psh seq %d len 1" % at, "< syn rst ack seq %d" % at,
                              "< fin psh urg 1 seq %d" % at, "< ack len 10 bad-checksum", "< syn fin ack psh urg 1 seq %d" % at])

    def ecn(self):
        return self.segment(self.r.choice([["ece"], ["cwr"], ["ece", "cwr"]]) + self.ack())

    def icmp(self):
        r = self.r
        seq = "" if r.random() < 0.6 else " seq %d" % r.choice([1, r.randrange(1, self.sent + 1), self.sent + 100000, 0])
        if r.random() < 0.5:
            return "icmp too-big mtu %d%s" % (r.choice([1400, 1300, 1280, 1000, 576, 552, 300, 68, 1500, 2000, 0]), seq)
        return "icmp %s%s" % (r.choice(ICMP), seq)


class Program:
    def __init__(self, r, peer):
        self.r, self.peer = r, peer

    def send(self):
        n = self.r.choice(SIZES)
        self.peer.sent += n
        return "send %d%s" % (n, self.r.choice([""] * 8 + [" oob", " more", " more"]))

    def recv(self):
        return "recv %d%s" % (self.r.choice([1, 10, 100, 500, 1000, 5000, 100000]), self.r.choice([""] * 8 + [" oob", " peek"]))

    def set(self, among=None):
        name = self.r.choice(among or list(OPTIONS))
        return "set %s %d" % (name, self.r.choice(OPTIONS[name]))

    def get(self):
        return "get " + self.r.choice(["maxseg", "rcvbuf", "sndbuf", "rcvlowat", "quickack", "window_clamp", "user_timeout", "keepalive", "error"]) + " 0"

    def shutdown(self):
        return "shutdown " + self.r.choice(["read", "write", "write", "write", "both"])

    def close(self):
        return "close"

    def look(self):
        return self.r.choice(["poll", "state ESTABLISHED", "info", "info", "error none"])


def opening(r, p, program):
    early = [program.set(EARLY) for _ in range(r.choice([0, 0, 0, 1, 1, 2]))]
    if r.random() < 0.6:
        lines = ["listen %d" % r.choice([5, 5, 1, 0])] + early
        lines.append("< syn seq 0 " + " ".join(p.syn_options() + r.choice([[], [], [], ["ece", "cwr"]])))
        p.pos = 1
        lines += r.choice([[], ["wait 1ms"], ["wait 20ms"], ["wait 50ms"], ["wait 1200ms"]])
        if r.random() < 0.15:
            lines.append(r.choice([p.syn, p.bare_ack, p.reset, p.odd, p.data, p.icmp])())
        lines.append(p.segment(["ack"]) if r.random() < 0.85 else p.data())
        return lines + ["accept"]
    lines = ["socket"] + early + ["connect"] + r.choice([[], ["wait 1ms"], ["wait 20ms"], ["wait 50ms"], ["wait 1200ms"]])
    if r.random() < 0.15:
        lines.append(r.choice([p.syn, p.bare_ack, p.reset, p.odd, p.data, p.icmp, program.send, program.look])())
    lines.append("< syn ack seq 0 " + " ".join(p.syn_options() + r.choice([[], [], [], ["ece"]])))
    p.pos = 1
    return lines


def script(seed, number):
    """(4 or 6, the lines)"""
    r = random.Random("%d/%d" % (seed, number))
    p = Peer(r)
    program = Program(r, p)
    family, lines = r.choice([4, 4, 6]), ["offload"]
    if r.random() < 0.2:
        lines.append("sysctl net.ipv4." + r.choice(SYSCTLS))
    lines += opening(r, p, program)
    deeds = [(p.data, 12), (p.strange_data, 8), (p.bare_ack, 12), (p.sacks, 7 if p.sack else 1), (p.fin, 2), (p.reset, 1), (p.syn, 1), (p.urgent, 2), (p.odd, 1),
             (p.ecn, 1), (p.icmp, 2), (program.send, 16), (program.recv, 8), (program.set, 4), (program.get, 1), (program.shutdown, 1), (program.close, 1),
             (program.look, 4)]
    for _ in range(r.choice([4, 7, 10, 14])):
        lines.append(r.choices([d for d, _ in deeds], [w for _, w in deeds])[0]())
        lines += r.choice([[], [], ["wait " + r.choice(SHORT)], ["wait " + r.choice(SHORT)], ["wait " + r.choice(LONG)]])
    return family, lines + ["info", "poll", "wait " + r.choice(["10ms", "300ms", "700ms", "2s"]), "state ESTABLISHED"]
