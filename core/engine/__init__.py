from core.engine.backward import BackwardPass, Pass, Step, record_backward
