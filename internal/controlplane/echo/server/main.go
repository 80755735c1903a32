// Command server is the application of package echo in a container: on port $PORT, as pod $POD_NAME of namespace $POD_NAMESPACE, which is
// of the version $VERSION.
package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/echo"
)

// lameDuck is how long requests are still taken once the pod is to end, until no one sends any.
const lameDuck = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", ":"+cmp.Or(os.Getenv("PORT"), "9090"))
	if err == nil {
		app := echo.App{
			Pod: os.Getenv("POD_NAME"), Namespace: os.Getenv("POD_NAMESPACE"), Labels: map[string]string{"version": os.Getenv("VERSION")},
			Logf: func(format string, args ...any) { fmt.Printf(format+"\n", args...) },
		}
		late, cancel := context.WithCancel(context.Background())
		context.AfterFunc(ctx, func() { time.AfterFunc(lameDuck, cancel) })
		err = app.Serve(late, lameDuck, listener)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}
