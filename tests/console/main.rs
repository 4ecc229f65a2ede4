//! The console, as people meet it: the real engine between simulated platforms, its pages in a real browser, and without one.
//!
//! * [`guests`]: whom the pages are about, hostile ones among them; [`browser`]: headless Chromium by its driver;
//! * [`seen`]: pages in the browser: followed, decided, moved in time, looked at by axe, kept as pictures;
//! * [`read`]: pages without a script, and who is not let in.
//!
//! Where Chromium is absent, `tests/console/install` fetches it from Debian; if it cannot, the tests that need it say so and
//! are skipped.

mod browser;
// The same house as the service's tests have; not all of it is needed here.
#[allow(dead_code)]
#[path = "../service/door.rs"]
mod door;
#[allow(dead_code)]
#[path = "../service/engine.rs"]
mod engine;
mod guests;
#[allow(dead_code)]
#[path = "../service/house.rs"]
mod house;
mod read;
mod seen;
