package main

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"go.etcd.io/etcd/server/v3/embed"
)

// runEtcd serves a single-member etcd. It never fsyncs: its data lives as long as one test stack,
// and waiting for the disk would measure the machine's disk instead of the code under test.
func runEtcd() int {
	flags := flag.NewFlagSet("etcd", flag.ExitOnError)
	dataDir := flags.String("data-dir", "", "folder for the data")
	client := flags.String("listen-client-urls", "", "URL to serve clients on")
	peer := flags.String("listen-peer-urls", "", "URL to serve peers on")
	_ = flags.Parse(os.Args[1:])

	config := embed.NewConfig()
	config.Name = "local"
	config.Dir = *dataDir
	config.LogLevel = "warn"
	config.UnsafeNoFsync = true
	config.QuotaBackendBytes = 8 << 30
	config.AutoCompactionMode = "periodic"
	config.AutoCompactionRetention = "5m"
	clientURL, peerURL := mustParse(*client), mustParse(*peer)
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{clientURL}, []url.URL{clientURL}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peerURL}, []url.URL{peerURL}
	config.InitialCluster = config.InitialClusterFromName(config.Name)

	server, err := embed.StartEtcd(config)
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		return 1
	}
	defer server.Close()

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	select {
	case <-stop:
		return 0
	case err := <-server.Err():
		fmt.Fprintln(os.Stderr, "etcd:", err)
		return 1
	}
}

func mustParse(text string) url.URL {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" {
		fmt.Fprintf(os.Stderr, "etcd: %q is not a URL like http://127.0.0.1:2379\n", text)
		os.Exit(2)
	}
	return *parsed
}
