//! Comes with the folds.
