//! The demonstration comes to its end, and says that all is proven.

use crate::engine::run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_comes_to_its_end_and_proves_everything() {
    let folder = tempfile::TempDir::new().expect("there is room for a folder");
    let ended = run(folder.path(), &["demo", "--pace", "0"]).await;
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.output, ended.errors);
    assert!(ended.errors.is_empty(), "{}", ended.errors);
}
