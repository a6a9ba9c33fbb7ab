"""One module per runner: how a pipeline is handed to it and watched to its end."""
