"""Networks: one file a backbone, the fuser, the heads; pure functions of their variables."""
