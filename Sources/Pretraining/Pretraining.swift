// Pretraining
