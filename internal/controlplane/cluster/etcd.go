package cluster

import (
	"context"
	"net/url"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// etcd listens for clients on a Unix socket in the data directory, which only the directory's owner can access, and needs no port.
func (c *Cluster) etcd() *part {
	p := &part{name: "etcd"}
	up := make(chan struct{})
	p.run = func(ctx context.Context) error {
		config := embed.NewConfig()
		config.Dir = filepath.Join(c.dir, "etcd")
		config.ListenClientUrls = []url.URL{{Scheme: "unix", Path: c.etcdSocket()}}
		config.ListenPeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
		// Nothing uses these addresses, but they must be valid, and those of the peer must match.
		config.AdvertiseClientUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
		config.AdvertisePeerUrls = config.ListenPeerUrls
		config.InitialCluster = config.InitialClusterFromName(config.Name)
		config.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration // 0 would log every request
		// No fsync is needed, because the data is removed when the process ends.
		config.UnsafeNoFsync = true
		encoder := zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig())
		config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.New(zapcore.NewCore(encoder, zapcore.Lock(p.log), zap.InfoLevel)))

		server, err := embed.StartEtcd(config)
		if err != nil {
			return err
		}
		defer server.Close()
		select {
		case <-server.Server.ReadyNotify():
			close(up)
		case err := <-server.Err():
			return err
		case <-ctx.Done():
			return nil
		}
		select {
		case err := <-server.Err():
			return err
		case <-ctx.Done():
			return nil
		}
	}
	p.ready = func(ctx context.Context) error { return closed(ctx, p, up) }
	return p
}

func (c *Cluster) etcdSocket() string { return filepath.Join(c.dir, "etcd.sock") }
