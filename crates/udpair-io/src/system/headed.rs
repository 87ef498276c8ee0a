//! A value followed by bytes, in one allocation of exactly their size.
//!
//! The standard library makes such an allocation only for a length that is known when the program
//! is compiled. Messages of any length are kept in large numbers, so rounding up to one of a few
//! lengths would waste much of their memory, and a second allocation much of their time.

#![expect(
    unsafe_code,
    reason = "the standard library cannot allocate a type whose length is known at run time"
)]

use std::alloc::{self, Layout};
use std::fmt;
use std::ptr;

/// A value and bytes of any number, behind one pointer.
#[repr(C)]
pub(crate) struct Headed<H> {
    head: H,
    bytes: [u8],
}

impl<H: Copy> Headed<H> {
    /// Copies `head` and `bytes` into an allocation of their own.
    #[inline]
    pub(crate) fn new(head: &H, bytes: &[u8]) -> Box<Self> {
        let head_layout = Layout::new::<H>();
        let (layout, offset) = Layout::array::<u8>(bytes.len())
            .and_then(|bytes| head_layout.extend(bytes))
            .expect("the bytes exist, so their size is a valid one");
        // As `Box` computes it from the type.
        let layout = layout.pad_to_align();
        assert!(layout.size() > 0, "the head has a size");
        // SAFETY: the size is not 0.
        let memory = unsafe { alloc::alloc(layout) };
        if memory.is_null() {
            alloc::handle_alloc_error(layout);
        }
        // SAFETY: the memory is aligned for `H` and has space for it, followed by the bytes at
        // `offset`. It is new, so it does not overlap with either of them.
        unsafe {
            memory.cast::<H>().write(*head);
            ptr::copy_nonoverlapping(bytes.as_ptr(), memory.add(offset), bytes.len());
        }
        // The length of the whole is that of its last field.
        let whole = ptr::slice_from_raw_parts_mut(memory, bytes.len()) as *mut Self;
        // SAFETY: the memory was allocated with the layout of `Self` with this length: `repr(C)`
        // puts the bytes at `offset`. Both fields are initialized.
        unsafe { Box::from_raw(whole) }
    }

    #[inline]
    pub(crate) fn head(&self) -> &H {
        &self.head
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<H: Copy> Clone for Box<Headed<H>> {
    fn clone(&self) -> Self {
        Headed::new(&self.head, &self.bytes)
    }
}

impl<H: fmt::Debug> fmt::Debug for Headed<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Headed")
            .field("head", &self.head)
            .field("bytes", &&self.bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_bytes_are_kept_and_copied_at_every_length() {
        for length in [0, 1, 7, 8, 9, 15, 16, 17, 63, 1200, 65_535] {
            let bytes: Vec<_> = (0..=255_u8).cycle().take(length).collect();
            // The head needs an alignment that the bytes do not have.
            let head = (u64::MAX - 1, 3_u8);
            let headed = Headed::new(&head, &bytes);
            let copy = headed.clone();
            assert_eq!((*headed.head(), headed.bytes()), (head, &*bytes));
            drop(headed);
            assert_eq!((*copy.head(), copy.bytes()), (head, &*bytes));
            // Rounded up to the alignment of the head, and to nothing else.
            let least = size_of_val(&head) + length;
            let size = size_of_val(&*copy);
            assert!(
                (least..least + align_of_val(&head)).contains(&size),
                "{size}"
            );
        }
    }
}
