"""What comes from outside is data: a manifest, a model's folder, a theme, a record may come from anybody."""
