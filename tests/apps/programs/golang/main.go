// Go's own network, between two hosts: "server" in one directory with "client WHAT HOST", which compares every octet.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

const (
	httpPort  = ":8080"
	httpsPort = ":8443"
	echoPort  = ":8001"
)

var clients = map[string]func(host string) error{
	"http": askHTTP, "tls": askTLS, "streams": askStreams, "datagrams": askDatagrams, "unix": askUnix,
	"timeouts": askTimeouts, "names": askNames, "children": askChildren, "interfaces": askInterfaces,
}

func sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// inDirectory is a file that both sides know.
func inDirectory(name string) string { return filepath.Join(os.Getenv("TMP"), name) }

// expect makes an error of what is not so.
func expect(truth bool, format string, args ...any) error {
	if truth {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// allOf runs f for 0 … n-1 at once, and has the first error.
func allOf(n int, f func(i int) error) error {
	errs := make(chan error)
	for i := 0; i < n; i++ {
		go func(i int) { errs <- f(i) }(i)
	}
	var first error
	for i := 0; i < n; i++ {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "server":
		return serve()
	case len(args) == 2 && args[0] == "child":
		return child(args[1])
	case len(args) == 3 && args[0] == "client" && clients[args[1]] != nil:
		return clients[args[1]](args[2])
	}
	return fmt.Errorf("usage: server | client WHAT HOST")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
