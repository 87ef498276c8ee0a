//! Times single operations of `udpair`: `cargo bench --package udpair-bench`.

use criterion::{Criterion, criterion_group, criterion_main};
use udpair_bench::pure::MICROBENCHMARKS;

fn microbenchmarks(criterion: &mut Criterion) {
    for microbenchmark in MICROBENCHMARKS {
        let mut operation = (microbenchmark.prepare)();
        criterion.bench_function(microbenchmark.name, |bencher| {
            bencher.iter(&mut operation);
        });
    }
}

criterion_group!(benches, microbenchmarks);
criterion_main!(benches);
