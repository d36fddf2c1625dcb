# The other side of servers.pl: clients.pl echo|many|udp PORT 4|6 [FILE]
use strict;
use warnings;
use Digest::SHA 'sha256_hex';
use IO::Socket::IP;
use Socket qw(AF_INET AF_INET6 SHUT_WR);

my ($mode, $port, $version, $file) = @ARGV;
my $family = $version == 6 ? AF_INET6 : AF_INET;
my $data = '';
if ($file) { open my $f, '<:raw', $file or die $!; local $/; $data = <$f> }

sub echo {
	my $s = IO::Socket::IP->new(PeerHost => 'h2', PeerPort => $port, Family => $family, Proto => 'tcp') or die "connect: $@";
	my $writer = fork // die;
	if (!$writer) { print $s $data; $s->flush; shutdown $s, SHUT_WR; exit }
	my $got = do { local $/; <$s> };
	waitpid $writer, 0;
	die 'not the same' unless sha256_hex($got) eq sha256_hex($data);
}

if ($mode eq 'echo') { echo() }
elsif ($mode eq 'many') {
	my @pids = map { my $pid = fork // die; if (!$pid) { echo(); exit } $pid } 1 .. 20;
	for (@pids) { waitpid $_, 0; die 'one failed' if $? }
} else {
	my $s = IO::Socket::IP->new(PeerHost => 'h2', PeerPort => $port, Family => $family, Proto => 'udp') or die $@;
	for my $i (1 .. 100) { $s->send("datagram $i"); $s->recv(my $got, 2000); die $got unless $got eq "datagram $i" }
}
