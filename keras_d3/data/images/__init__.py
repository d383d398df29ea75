"""Image records: schema, augmentation, batches of crops."""
