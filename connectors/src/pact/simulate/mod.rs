//! stub
use crate::connector::{SettingProblem, SimulatedAccount};
use crate::simulator::Simulator;
pub(super) fn simulator(_: &SimulatedAccount<'_>) -> Result<Box<dyn Simulator>, Vec<SettingProblem>> {
    Err(vec![])
}
