#!/bin/sh
# Runs each target for some seconds on the stable toolchain: coverage by LLVM's own pass, without
# cargo-fuzz and without sanitizers, which code without `unsafe` can spare.
# With a nightly toolchain, `cargo fuzz run <target>` does the same and more.
# Usage: fuzz/run.sh [seconds] [target...]
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
[ $# -gt 0 ] && shift
targets=${*:-packet messages stream pair receiver noise node relay store text border}
triple=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares \
-Ccodegen-units=1" cargo build --release --target "$triple"
for target in $targets; do
  mkdir -p "corpus/$target" "artifacts/$target"
  "${CARGO_TARGET_DIR:-target}/$triple/release/$target" "corpus/$target" \
    -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
    -artifact_prefix="artifacts/$target/" -print_final_stats=1
done
