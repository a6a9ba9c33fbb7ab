"""Runner profiles: where a build's phases run, as a manifest says it. They change no fingerprint and no digest."""
