//! Users of workers over a restart of the launcher.

use breakout::world::World;

#[test]
fn a_restarted_launcher_passes_over_the_users_of_workers_that_live() {
    let mut world = World::new("users");
    let victim = world.victim_user();
    world.restart_launcher(Some(victim));
    let next = world.user_of_next();
    assert!(world.victim_lives() && next != victim, "it is still the victim's");
    // The negative: of one that is gone it would have been the next.
    world.end_victim();
    world.restart_launcher(Some(victim));
    assert_eq!(world.user_of_next(), victim);
}

#[test]
fn a_restarted_launcher_goes_on_where_the_last_one_stopped() {
    let mut world = World::new("mark");
    let before = world.user_of_next();
    world.restart_launcher(None);
    assert_eq!(world.user_of_next(), before + 1);
}
