"""Networks: one file for each backbone, the fusers and the heads; `interfaces` for other ones."""
