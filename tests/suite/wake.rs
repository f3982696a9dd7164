//! Wake-ups over sockets: what one terminal sends reaches the other without its timer, and nobody hears of what is not theirs.

use crate::support::{self, City};
use fieldproof_client_core::{Client, HttpTransport, KeyCost, Options, SystemHost, Timeouts, Wakes};
use fieldproof_presentation::http::{self, Limits};
use fieldproof_schema::ids::InspectionId;
use fieldproof_server::events;
use fieldproof_terminal::app::App;
use fieldproof_terminal::{incoming, listen, sync_loop};
use fieldproof_tests::proxy::Proxy;
use fieldproof_tests::store;
use fieldproof_tests::world::World;
use fieldproof_tests::world::device::Device;
use futures::FutureExt;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Far less than a terminal's timer, and more than a busy machine needs.
const SOON: Duration = Duration::from_secs(40);

/// The server on a socket, as its program serves.
struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

impl Served {
    async fn start(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(events::work(world.app.clone()));
        let (stop, stopped) = oneshot::channel::<()>();
        let app = world.app.clone();
        let stopped = async move {
            let _ = stopped.await;
            app.events.close();
        };
        let ended = tokio::spawn(http::serve(listener, world.router(), Limits::default(), stopped));
        Self { address, stop, ended }
    }

    fn transport(&self) -> HttpTransport {
        transport(self.address)
    }
}

fn transport(address: SocketAddr) -> HttpTransport {
    HttpTransport::new(&format!("http://{address}"), Timeouts::default()).unwrap()
}

/// Waits until something holds; looking at it lets the others go on.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(SOON, wait).await.is_ok(), "{what}");
}

/// A terminal that syncs and listens by itself, taken over after a restart.
fn terminal(mut device: Device, server: SocketAddr) -> App {
    device.die();
    let host = Arc::new(SystemHost::new());
    let options = Options { key_cost: KeyCost::CHEAP, ..Options::default() };
    let client = Client::open(device.folder(), host.clone(), options, store::unlock()).unwrap();
    let uploads = incoming::prepare(device.folder()).unwrap();
    let app = App::new(Arc::new(client), Arc::new(transport(server)), host, uploads);
    tokio::spawn(sync_loop::run(app.clone()));
    tokio::spawn(listen::run(app.clone()));
    app
}

async fn write(app: &App, visit: InspectionId, text: &'static str) {
    app.act(move |client| client.narrative(visit, None, text)).await.unwrap();
}

async fn reads(app: &App, visit: InspectionId, text: &'static str) -> bool {
    app.read(move |client| Ok(client.inspection(visit)?.view.narrative == text)).await.unwrap()
}

#[tokio::test]
async fn an_edit_reaches_the_colleague_without_its_timer_also_after_the_server_was_started_anew() {
    let mut world = World::start(341, None).await;
    let City { task, one, two, .. } = support::city(&world).await;
    let visit = task.inspection;
    let served = Served::start(&world).await;
    let proxy = Proxy::start(served.address).await.unwrap();
    let (one, two) = (terminal(one, proxy.addr()), terminal(two, proxy.addr()));
    until("both listen", async || world.app.events.streams() == 2).await;
    write(&one, visit, "池水清澈").await;
    until("the colleague reads it", async || reads(&two, visit, "池水清澈").await).await;
    write(&two, visit, "池水清澈，余氯合格").await;
    until("and answers", async || reads(&one, visit, "池水清澈，余氯合格").await).await;

    // Streams do not hold up the end: the grace period is far longer.
    served.stop.send(()).unwrap();
    assert!(timeout(Duration::from_secs(10), served.ended).await.is_ok(), "streams hold up the end");
    proxy.close_link().await;
    world.restart().await;
    let served = Served::start(&world).await;
    proxy.turn_to(served.address);
    proxy.open_link().await.unwrap();
    until("both listen again", async || world.app.events.streams() == 2).await;
    write(&one, visit, "复查无误").await;
    until("the colleague reads it", async || reads(&two, visit, "复查无误").await).await;
    // Both close, and nothing is left behind.
    one.close();
    two.close();
    until("streams end", async || world.app.events.streams() == 0).await;
}

async fn listening(device: &Device, served: &Served) -> Wakes {
    device.client().listen(&served.transport()).await.unwrap().expect("HTTP carries streams")
}

#[tokio::test]
async fn nobody_is_woken_for_what_is_not_theirs() {
    let world = World::start(342, None).await;
    let City { administrator, task, one, two, .. } = support::city(&world).await;
    let served = Served::start(&world).await;
    // Somebody of another team.
    let officers = administrator.get(&world, "/api/v1/officers").await;
    let mut all = officers["rows"].as_array().unwrap().iter();
    let stranger = all.find_map(|row| {
        let id = serde_json::from_value(row["id"].clone()).unwrap();
        (row["active"] != false && !task.team.contains(&id)).then_some(id)
    });
    let stranger = administrator.terminal(&world, stranger.unwrap(), "stranger").await;
    for device in [&one, &two, &stranger] {
        device.sync().await;
    }
    let [mut of_one, mut of_two, mut of_stranger] =
        [listening(&one, &served).await, listening(&two, &served).await, listening(&stranger, &served).await];
    support::answer_one(&one, task.inspection);
    one.sync().await;
    let wake = timeout(SOON, of_two.next()).await.unwrap().unwrap().unwrap();
    assert!(two.client().is_behind(&wake).unwrap());
    two.sync().await;
    assert!(!two.client().is_behind(&wake).unwrap(), "a sync brings what the wake-up spoke of");
    // What it sent itself has come back with its own sync.
    let wake = timeout(SOON, of_one.next()).await.unwrap().unwrap().unwrap();
    assert!(!one.client().is_behind(&wake).unwrap());
    assert!(of_stranger.next().now_or_never().is_none(), "the stranger was woken");

    // What concerns everyone wakes everyone.
    let code = administrator.enrolment_code(&world, task.team[0]).await;
    fieldproof_tests::world::rogue::Rogue::enrol(&world, &code, 9).await;
    for wakes in [&mut of_one, &mut of_two, &mut of_stranger] {
        assert!(timeout(SOON, wakes.next()).await.unwrap().unwrap().is_some());
    }
    // Whoever is behind when it begins to listen is woken at once, and not when it is up to date.
    let again = timeout(SOON, listening(&two, &served).await.next()).await.unwrap().unwrap().unwrap();
    assert!(two.client().is_behind(&again).unwrap());
    assert_eq!(
        timeout(SOON, of_two.next()).await.unwrap().unwrap(),
        None,
        "listening anew ends the stream before"
    );
    two.sync().await;
    let mut of_two = listening(&two, &served).await;
    assert!(of_two.next().now_or_never().is_none());

    // A terminal that is revoked hears nothing more.
    let id = two.client().status().unwrap().enrolled.unwrap().device;
    let revocation = json!({"reason": "终端遗失"});
    let path = format!("/api/v1/devices/{id}/revoke");
    let (status, _) = world.call("POST", &path, Some(administrator.token()), &revocation).await;
    assert_eq!(status.as_u16(), 204);
    assert_eq!(timeout(SOON, of_two.next()).await.unwrap().unwrap(), None);
    let refused = two.client().listen(&served.transport()).await.err().unwrap();
    assert_eq!(refused.code().as_str(), "device_revoked");
}
