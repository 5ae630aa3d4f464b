print("segbench")
