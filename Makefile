.PHONY: bench demo test lint

# A rehearsal, published on this machine; an independent client bootstraps from it.
demo:
	tests/setup demo
	cargo build --locked
	tests/demo

# Everything that runs: our own tests, and the TUF and Sigstore clients of others, which tests/setup installs.
test:
	tests/setup
	cargo test --workspace --all-features --locked
# The binary for the ceremony room does the same with YubiKeys, and asks nobody.
	cargo test $(room) --test material_offline --test yubikey_line --test yubikey_signing

# This program beside its peers, on a file system in memory where there is one: docs/benchmarks.md.
bench:
	tests/setup bench
	benches/run

# Everything that only reads.
lint:
	tests/setup lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo clippy $(room) -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --all-features --no-deps --locked
	cargo fetch --locked
	cargo deny --offline check --hide-inclusion-graph bans licenses sources
# The binary for the ceremony room links neither an HTTP client nor a socket reactor.
	tree=$$(cargo tree $(room) --edges normal --prefix none) && \
	! echo "$$tree" | grep -E '^(hyper|mio|reqwest|socket2|ureq) '

room = --package trustroot --no-default-features --features yubikey,pkcs11 --locked
