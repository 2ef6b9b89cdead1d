# The two commands of the README, and the two that part of them are.

RELEASE := target/release/eduline

.PHONY: run build test check bench deny

# Installs what is missing, builds, makes keys and demo accounts on first start, serves http://localhost:8080.
run: build
	@EDULINE__SERVER__DEMO=true exec $(RELEASE) serve all

build:
	@scripts/install-packages build run
	@cargo build --release --locked --package eduline

# Everything CI runs.
test:
	@scripts/install-packages build run test
	@scripts/install-tools
	@$(MAKE) --no-print-directory check
	AXE_SCRIPT="$(CURDIR)/var/test-tools/axe.min.js" cargo test --workspace --locked --no-fail-fast

# Form, lints, documentation, floor plan, then the configuration with everything it names.
check:
	@scripts/install-packages build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet --document-private-items
	@scripts/deny
	@scripts/check-configuration

deny:
	@scripts/deny

# Each beside its limit, measured in the same run, as a table.
bench: build
	@$(RELEASE) bench
