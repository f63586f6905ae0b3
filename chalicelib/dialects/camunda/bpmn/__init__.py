"""Read BPMN 2.0 files, as Camunda 7 means them, into our definitions."""
