package main

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const folderPattern = "lamia-controlplane-*"

// folder is the temporary folder of a running control plane. Its process holds a lock on it. A folder without a lock belonged to a process
// that was killed, and the next control plane removes it.
type folder struct {
	path string
	lock *os.File
}

func newFolder() (*folder, error) {
	sweep()
	path, err := os.MkdirTemp("", folderPattern)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path}
	if f.lock, err = lock(path, os.O_CREATE); err != nil {
		f.remove()
		return nil, err
	}
	return f, nil
}

// lock locks a folder, or fails if another process has locked it.
func lock(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(path, "lock"), flag|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// sweep removes folders that no process has locked. It leaves recent ones, whose process may not have locked them yet.
func sweep() {
	paths, _ := filepath.Glob(filepath.Join(os.TempDir(), folderPattern))
	for _, path := range paths {
		if info, err := os.Lstat(path); err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if file, err := lock(path, 0); err == nil {
			os.RemoveAll(path)
			file.Close()
		}
	}
}

// remove removes the folder. It retries, because parts that did not stop in time may still create files in it.
func (f *folder) remove() {
	for range 50 {
		if os.RemoveAll(f.path) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
