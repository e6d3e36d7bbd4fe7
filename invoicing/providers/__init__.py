"""What the outside says and can do: one folder a provider. This floor knows no models."""
