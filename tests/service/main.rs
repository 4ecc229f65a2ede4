//! The whole service: the real engine between simulated platforms, over real HTTP on this machine.

mod demo;
mod stage;
