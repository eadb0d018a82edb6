"""The main job on real images and deployments, in a scratch directory."""
