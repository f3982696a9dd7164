//! Temporary: serves the scene for looking.
use super::scene::Scene;
use fieldproof_presentation::http;

#[tokio::test(flavor = "multi_thread")]
async fn serve_the_scene() {
    if std::env::var("LOOK").is_err() {
        return;
    }
    let scene = Scene::open(7).await;
    let team = scene.review.one.client().inspection(scene.review.id).unwrap().view.identity.team.clone();
    let team: Vec<_> = team.iter().map(|member| member.officer).collect();
    if std::env::var("LOOK").unwrap() == "late" {
        scene.write_late(scene.review.id, &team).await;
        scene.world.clock.advance_seconds(155 * 24 * 3600);
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:4777").await.unwrap();
    eprintln!(
        "review {} disputed {} incomplete {} conflict {}",
        scene.review.page(),
        scene.disputed.page(),
        scene.incomplete.page(),
        scene.conflict().await
    );
    let router = fieldproof_server::routes::router(scene.world.app.clone());
    http::serve(listener, router, http::Limits::default(), std::future::pending()).await.unwrap();
}
