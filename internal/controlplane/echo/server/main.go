// Command server runs the application of package echo in a container. It listens on port $PORT and reports pod $POD_NAME in namespace
// $POD_NAMESPACE with version $VERSION.
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

// lameDuck is how long the server still accepts requests after SIGTERM, until clients stop sending them.
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
