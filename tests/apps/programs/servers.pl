# Echo servers: on 7001 a process for each connection, on 7002 one process with select and both families, on 7003 UDP.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use POSIX ':sys_wait_h';

my @children;
sub server { my $run = shift; my $pid = fork // die; if ($pid) { push @children, $pid; return } $run->(); exit }

server(sub {
	local $SIG{CHLD} = sub { 1 while waitpid(-1, WNOHANG) > 0 };
	my $listener = IO::Socket::INET->new(LocalPort => 7001, Listen => 20, ReuseAddr => 1) or die $@;
	for (;;) {
		my $peer = $listener->accept or next;
		next if fork;
		close $listener;
		while (sysread $peer, my $part, 65536) { my $at = 0; $at += syswrite($peer, $part, length($part) - $at, $at) while $at < length $part }
		exit;
	}
});
server(sub {
	my $listener = IO::Socket::IP->new(LocalHost => '::', LocalPort => 7002, Listen => 100, V6Only => 0, ReuseAddr => 1, Proto => 'tcp') or die $@;
	my ($read, $write, %left, %over) = (IO::Select->new($listener), IO::Select->new);
	while (my ($r, $w) = IO::Select->select($read, $write)) {
		for my $s (@$r) {
			if ($s == $listener) { my $peer = $s->accept; $peer->blocking(0); $read->add($peer); $left{$peer} = ''; next }
			my $n = sysread $s, $left{$s}, 65536, length $left{$s};
			if (!defined $n) { next if $!{EAGAIN}; $n = 0 }
			if ($n == 0) { $read->remove($s); $over{$s} = 1 }
			$write->add($s);
			$read->remove($s) if length $left{$s} > 1 << 20;
		}
		for my $s (@$w) {
			my $n = syswrite($s, $left{$s}) // 0;
			substr($left{$s}, 0, $n) = '';
			$read->add($s) if !$over{$s};
			next if length $left{$s};
			$write->remove($s);
			if ($over{$s}) { delete $left{$s}; delete $over{$s}; close $s }
		}
	}
});
server(sub {
	my $socket = IO::Socket::INET->new(LocalPort => 7003, Proto => 'udp') or die $@;
	while (defined(my $from = $socket->recv(my $data, 2000))) { $socket->send($data, 0, $from) }
});
$SIG{TERM} = sub { kill TERM => @children; exit };
1 while waitpid(-1, 0) > 0;
