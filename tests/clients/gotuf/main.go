// Command gotuf refreshes a TUF repository with go-tuf and downloads targets from it.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

func main() {
	at := flag.String("time", "", "judge expiry at this time (RFC 3339)")
	flag.Parse()
	if flag.NArg() < 4 {
		fmt.Fprintln(os.Stderr, "usage: gotuf [-time RFC3339] METADATA_URL TARGETS_URL ROOT CACHE [TARGET...]")
		os.Exit(2)
	}
	if err := run(*at, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "gotuf:", err)
		os.Exit(1)
	}
}

func run(at string, args []string) error {
	metadataURL, targetsURL, cache := args[0], args[1], args[3]
	root, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	// go-tuf starts from the root that it is given and overwrites the cached one with it; a client
	// that has run before starts from what it trusted last.
	if cached, err := os.ReadFile(filepath.Join(cache, "root.json")); err == nil {
		root = cached
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	cfg, err := config.New(metadataURL, root)
	if err != nil {
		return err
	}
	cfg.RemoteTargetsURL = targetsURL
	cfg.LocalMetadataDir = cache
	cfg.LocalTargetsDir = filepath.Join(cache, "targets")
	client, err := updater.New(cfg)
	if err != nil {
		return err
	}
	if at != "" {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return err
		}
		client.UnsafeSetRefTime(now)
	}
	if err := client.Refresh(); err != nil {
		return err
	}
	for _, name := range args[4:] {
		target, err := client.GetTargetInfo(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, _, err := client.DownloadTarget(target, "", ""); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"client":       "go-tuf",
		"root_version": client.GetTrustedMetadataSet().Root.Signed.Version,
		"ok":           true,
	})
}
