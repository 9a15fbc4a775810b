// Command sigstorego verifies a bundle with sigstore-go, through the trust root that a repository publishes.
package main

import (
	"fmt"
	"os"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

func main() {
	if len(os.Args) != 7 {
		fmt.Fprintln(os.Stderr, "usage: sigstorego METADATA_URL ROOT BUNDLE ARTIFACT IDENTITY ISSUER")
		os.Exit(2)
	}
	trustedRoot, err := trustedRoot(os.Args[1], os.Args[2])
	if err == nil {
		err = verified(trustedRoot, os.Args[3], os.Args[4], os.Args[5], os.Args[6])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sigstorego:", err)
		os.Exit(1)
	}
}

// What a hand-out says, line by line, but for what is done with an error. It keeps its cache below the user's home.
func trustedRoot(url, file string) (*root.TrustedRoot, error) {
	trusted, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	opts := tuf.DefaultOptions()
	opts.Root = trusted
	opts.RepositoryBaseURL = url
	client, err := tuf.New(opts)
	if err != nil {
		return nil, err
	}
	trustedRoot, err := root.GetTrustedRoot(client)
	return trustedRoot, err
}

// Whether the bundle is of this artifact, by this identity.
func verified(trusted root.TrustedMaterial, path, file, identity, issuer string) error {
	signed, err := bundle.LoadJSONFromPath(path)
	if err != nil {
		return err
	}
	artifact, err := os.Open(file)
	if err != nil {
		return err
	}
	defer artifact.Close()
	by, err := verify.NewShortCertificateIdentity(issuer, "", identity, "")
	if err != nil {
		return err
	}
	verifier, err := verify.NewVerifier(trusted, verify.WithSignedCertificateTimestamps(1),
		verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
	if err != nil {
		return err
	}
	_, err = verifier.Verify(signed, verify.NewPolicy(verify.WithArtifact(artifact), verify.WithCertificateIdentity(by)))
	return err
}
