//! stub
/// stub
#[derive(Debug, Default)]
pub struct Readiness;
impl Readiness {
    /// stub
    pub fn set_caught_up(&self, _: bool) {}
}
