//! What types must not be able to do.

/// Compiles only when the type has none of the traits: with one of them the call would fit two implementations.
macro_rules! assert_lacks {
    ($type:ty: $($bound:path),+) => {
        $(const _: fn() = || {
            trait Ambiguous<A> {
                fn check() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Has;
            impl<T: ?Sized + $bound> Ambiguous<Has> for T {}
            <$type as Ambiguous<_>>::check();
        };)+
    };
}
