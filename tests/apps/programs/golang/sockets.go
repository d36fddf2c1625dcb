package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// echoed sends data and has it back, while reading and writing go on at once.
func echoed(conn net.Conn, data []byte) error {
	defer conn.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(data)
		if half, can := conn.(interface{ CloseWrite() error }); can && err == nil {
			err = half.CloseWrite()
		}
		sent <- err
	}()
	got, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	if err := <-sent; err != nil {
		return err
	}
	return expect(bytes.Equal(got, data), "%d octets of %d came back, or others", len(got), len(data))
}

// askStreams has many goroutines with a connection each.
func askStreams(host string) error {
	return allOf(300, func(i int) error {
		data := make([]byte, 1+i*331)
		rand.Read(data)
		conn, err := net.DialTimeout("tcp", host+echoPort, 30*time.Second)
		if err != nil {
			return err
		}
		return echoed(conn, data)
	})
}

func askDatagrams(host string) error {
	for _, network := range []string{"udp4", "udp6"} {
		conn, err := net.Dial(network, host+echoPort)
		if err != nil {
			return err
		}
		defer conn.Close()
		buf := make([]byte, 65536)
		for _, size := range []int{1, 1200, 1472, 9000, 60000} {
			data := make([]byte, size)
			rand.Read(data)
			if _, err := conn.Write(data); err != nil {
				return err
			}
			conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			n, err := conn.Read(buf)
			if err != nil {
				return fmt.Errorf("%s, %d octets: %w", network, size, err)
			}
			if err := expect(bytes.Equal(buf[:n], data), "%d octets of %d over %s", n, size, network); err != nil {
				return err
			}
		}
	}
	return nil
}

// askUnix has both ends on this host: by a path, by an abstract name, and in datagrams.
func askUnix(string) error {
	for _, name := range []string{inDirectory("go.socket"), "@go"} {
		l, err := net.Listen("unix", name)
		if err != nil {
			return err
		}
		defer l.Close()
		go echoStreams(l)
		data := make([]byte, 1<<20)
		rand.Read(data)
		conn, err := net.Dial("unix", name)
		if err != nil {
			return err
		}
		if err := echoed(conn, data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	server, err := net.ListenPacket("unixgram", "@go-server")
	if err != nil {
		return err
	}
	client, err := net.ListenPacket("unixgram", "@go-client")
	if err != nil {
		return err
	}
	go echoDatagrams(server)
	if _, err := client.WriteTo([]byte("datagram"), server.LocalAddr()); err != nil {
		return err
	}
	buf := make([]byte, 64)
	n, from, err := client.ReadFrom(buf)
	if err != nil {
		return err
	}
	return expect(string(buf[:n]) == "datagram" && from.String() == "@go-server", "%q from %v", buf[:n], from)
}

// askTimeouts: a deadline that passes, one that is moved while a read waits, a port where nobody listens, an address that nobody has.
func askTimeouts(host string) error {
	conn, err := net.Dial("tcp", host+echoPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("a read until its deadline: %v", err)
	}
	conn.SetDeadline(time.Time{})
	time.AfterFunc(50*time.Millisecond, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("a read whose deadline came while it waited: %v", err)
	}
	if _, err := net.Dial("tcp", host+":1"); !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("nobody listens: %v", err)
	}
	return givesUpDialling(conn.RemoteAddr().(*net.TCPAddr).IP)
}

// givesUpDialling asks for the neighbour of an address, which nobody has.
func givesUpDialling(address net.IP) error {
	nobody := append(net.IP{}, address...)
	nobody[len(nobody)-1] = 250
	limited, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(limited, "tcp", net.JoinHostPort(nobody.String(), "80"))
	if err == nil {
		conn.Close()
	}
	var asNet net.Error
	return expect(errors.As(err, &asNet) && asNet.Timeout(), "a dial to %v that is limited ended with %v", nobody, err)
}

// asks has r look up what a DNS server says, and what /etc/hosts says.
func asks(r *net.Resolver, server string) error {
	background := context.Background()
	for name, size := range map[string]int{"short.test": 5, "long.test": 2000} {
		text, err := r.LookupTXT(background, name)
		if err != nil {
			return err
		}
		if err := expect(len(text) == 1 && len(text[0]) == size, "%s says %q", name, text); err != nil {
			return err
		}
	}
	var missing *net.DNSError
	if _, err := r.LookupMX(background, "missing.test"); !errors.As(err, &missing) || !missing.IsNotFound {
		return fmt.Errorf("a name that nobody has: %v", err)
	}
	here, err := r.LookupHost(background, server)
	if err != nil {
		return err
	}
	names, err := r.LookupAddr(background, here[0])
	if err != nil {
		return err
	}
	return expect(len(names) > 0 && names[0] == server, "%s is %v, which is %v", server, here, names)
}

// askNames: Go's own resolver, with the server of resolv.conf, and with one that it is told of.
func askNames(server string) error {
	told := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(server, "53"))
	}}
	if err := asks(told, server); err != nil {
		return err
	}
	return asks(&net.Resolver{PreferGo: true}, server)
}

// askInterfaces asks by netlink, and takes part in a group of each interface that can.
func askInterfaces(string) error {
	all, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, one := range all {
		addresses, err := one.Addrs()
		if err != nil {
			return err
		}
		if one.Name == "eth0" {
			group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 250), Port: 9999}
			conn, err := net.ListenMulticastUDP("udp4", &one, group)
			if err != nil {
				return err
			}
			defer conn.Close()
			return expect(len(addresses) >= 2 && len(one.HardwareAddr) == 6, "eth0 has %v and %v", addresses, one.HardwareAddr)
		}
	}
	return fmt.Errorf("no eth0 among %v", all)
}
