// An HBONE client and server from Istio's own library, for interoperability tests.
//
//	hbone connect FOLDER PROXY AUTHORITY OUTPUT   copies standard input to AUTHORITY through PROXY, what returns to OUTPUT
//	hbone serve FOLDER                            serves HBONE, prints its port, forwards to whatever :authority names
//
// FOLDER holds cert.pem, key.pem and root.pem. The library logs to standard output.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"

	"istio.io/istio/pkg/hbone"
)

func config(dir string) *tls.Config {
	cert, err := tls.LoadX509KeyPair(dir+"/cert.pem", dir+"/key.pem")
	check(err)
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(dir + "/root.pem")
	check(err)
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: roots, ClientCAs: roots,
		ClientAuth: tls.RequireAndVerifyClientCert, InsecureSkipVerify: true,
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	dir := os.Args[2]
	switch os.Args[1] {
	case "connect":
		conn, err := hbone.NewDialer(hbone.Config{ProxyAddress: os.Args[3], TLS: config(dir)}).Dial("tcp", os.Args[4])
		check(err)
		go func() {
			_, err := io.Copy(conn, os.Stdin)
			check(err)
		}()
		out, err := os.Create(os.Args[5])
		check(err)
		_, err = io.Copy(out, conn)
		check(err)
	case "serve":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		fmt.Println(listener.Addr().(*net.TCPAddr).Port)
		server := hbone.NewServer()
		server.TLSConfig = config(dir)
		server.Protocols.SetHTTP2(true)
		check(server.ServeTLS(listener, "", ""))
	}
}
