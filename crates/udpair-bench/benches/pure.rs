//! Times the pieces of `udpair` one by one: `cargo bench --package udpair-bench`.

use criterion::{Criterion, criterion_group, criterion_main};
use udpair_bench::pure::PIECES;

fn pieces(criterion: &mut Criterion) {
    for piece in PIECES {
        let mut operation = (piece.prepare)();
        criterion.bench_function(piece.name, |bencher| bencher.iter(&mut operation));
    }
}

criterion_group!(benches, pieces);
criterion_main!(benches);
