package org.djlresnet.engine;

import ai.djl.Device;
import org.djlresnet.UserException;

/** Finds devices by name. */
public final class Devices {

    private Devices() {}

    /**
     * Returns a device.
     *
     * @param name auto (the first GPU, or else the CPU), cpu, gpu or gpu:N
     * @return the device
     * @throws UserException if the name is unknown or there is no such GPU
     */
    public static Device of(String name) {
        if (name.equals("cpu")) {
            return Device.cpu();
        }
        int gpus = Engines.current().getGpuCount();
        if (name.equals("auto")) {
            return gpus > 0 ? Device.gpu() : Device.cpu();
        }
        if (!name.matches("gpu(:\\d{1,3})?")) {
            throw new UserException(
                    "Unknown device. Received: '" + name + "'. Allowed: auto, cpu, gpu, gpu:N.");
        }
        int id = name.equals("gpu") ? 0 : Integer.parseInt(name.substring(4));
        if (id >= gpus) {
            throw UserException.of(
                    "The engine %s has no such device. Received: '%s'. GPUs found: %s. Use cpu,"
                            + " or run: py-djl-resnet doctor",
                    Engines.current().getEngineName(), name, gpus);
        }
        return Device.gpu(id);
    }
}
