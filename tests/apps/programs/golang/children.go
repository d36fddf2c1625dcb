package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// child is started with a listener for its descriptor 3, tells where a connection comes from, and passes its input on.
func child(what string) error {
	if what == "fails" {
		os.Exit(7)
	}
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	data, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	_, err = conn.Write(data)
	return err
}

// inherits has a child serve on our listener, and is its client.
func inherits(own string) error {
	l, err := net.ListenTCP("tcp", nil)
	if err != nil {
		return err
	}
	file, err := l.File()
	if err != nil {
		return err
	}
	address := l.Addr().String()
	data := bytes.Repeat([]byte("sent through a child\n"), 5000)
	server := exec.Command(own, "child", "serves")
	server.ExtraFiles = []*os.File{file}
	server.Stdin = bytes.NewReader(data)
	if err := server.Start(); err != nil {
		return err
	}
	l.Close()
	file.Close()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	if err := server.Wait(); err != nil {
		return err
	}
	return expect(bytes.Equal(got, data), "%d octets of %d through a child", len(got), len(data))
}

func askChildren(host string) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	if err := inherits(own); err != nil {
		return err
	}
	out, err := exec.Command("/proc/self/exe", "client", "datagrams", host).CombinedOutput()
	if err != nil {
		return fmt.Errorf("a child's own client: %w: %s", err, out)
	}
	err = exec.Command(own, "child", "fails").Run()
	if failed, is := err.(*exec.ExitError); !is || failed.ExitCode() != 7 {
		return fmt.Errorf("a child that exits with 7: %v", err)
	}
	killed := exec.Command("sleep", "1000")
	if err := killed.Start(); err != nil {
		return err
	}
	killed.Process.Signal(syscall.SIGTERM)
	if err := killed.Wait(); err == nil {
		return fmt.Errorf("a killed child has ended well")
	}
	return allOf(20, func(i int) error {
		text := fmt.Sprint("child ", i)
		out, err := exec.Command("sh", "-c", "hostname; echo "+text).Output()
		if err != nil {
			return err
		}
		return expect(strings.HasSuffix(string(out), "\n"+text+"\n"), "child %d said %q", i, out)
	})
}
