//! Work on very many files, by as many threads as there are processors.

use std::num::NonZero;
use std::thread;

/// For fewer items than this no thread is started.
const WORTH_A_THREAD: usize = 512;

/// What `work` makes of each item, in their order. `start` makes what a thread keeps from one of its items to the next.
///
/// # Errors
/// The first in the order of the items; work on others may have been done.
pub(crate) fn each<T: Sync, S, R: Send, E: Send>(
    items: &[T],
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let part = |items: &[T]| {
        let mut kept = start();
        items.iter().map(|item| work(&mut kept, item)).collect::<Result<Vec<R>, E>>()
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(items.len() / WORTH_A_THREAD);
    if threads < 2 {
        return part(items);
    }
    thread::scope(|scope| {
        let part = &part;
        let parts = items.chunks(items.len().div_ceil(threads)).map(|items| scope.spawn(move || part(items)));
        let parts: Vec<_> = parts.collect();
        let mut all = Vec::with_capacity(items.len());
        for part in parts {
            all.extend(part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(all)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_has_its_place() {
        for count in [0, 1, WORTH_A_THREAD, 10 * WORTH_A_THREAD + 1] {
            let items: Vec<usize> = (0..count).collect();
            let twice = each(
                &items,
                || 0,
                |calls, item| {
                    *calls += 1;
                    if *calls <= count { Ok(2 * item) } else { Err(()) }
                },
            );
            assert_eq!(twice, Ok(items.iter().map(|item| 2 * item).collect()));
            let refused = each(&items, || (), |(), item| if item % 1000 < 7 { Ok(()) } else { Err(*item) });
            assert_eq!(refused.err(), (count > 7).then_some(7));
        }
    }
}
