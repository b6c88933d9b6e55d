// Netd keeps the network between the nodes of a cluster whose pods get addresses by ptp and host-local: on its node a route
// to every other node's pod range, and masquerading for what pods send out of the cluster. IPv4 only.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// resync is how often routes and masquerading are put right even if no node has changed.
const resync = 30 * time.Second

func main() {
	node := flag.String("node", os.Getenv("NODE_NAME"), "name of the node that this runs on")
	podRange := flag.String("pod-range", os.Getenv("POD_SUBNET"), "IPv4 range of all pods")
	apiServer := flag.String("api-server", os.Getenv("CONTROL_PLANE_ENDPOINT"), "host:port of the API server; empty: the cluster's Service")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *node, *podRange, *apiServer); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, node, podRange, apiServer string) error {
	pods, err := netip.ParsePrefix(podRange)
	if err != nil || !pods.Addr().Is4() {
		return fmt.Errorf("the pod range must be one IPv4 range such as 192.0.2.0/24, not %q", podRange)
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	if apiServer != "" {
		// The Service works only once kube-proxy does; the control plane's own address works before.
		config.Host = "https://" + apiServer
	}
	client, err := corev1client.NewForConfig(config)
	if err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	nodes, err := watchNodes(ctx, client.Nodes(), changed)
	if err != nil {
		return err
	}
	return keep(ctx, node, pods, nodes, changed)
}

// watchNodes keeps a store of all nodes and writes to changed after every change; a value that waits there stands for all.
func watchNodes(ctx context.Context, nodes corev1client.NodeInterface, changed chan<- struct{}) (cache.Store, error) {
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: &cache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
				return nodes.List(ctx, options)
			},
			WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
				return nodes.Watch(ctx, options)
			},
		},
		ObjectType: &corev1.Node{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { tell() },
			UpdateFunc: func(_, _ any) { tell() },
			DeleteFunc: func(any) { tell() },
		},
	})
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil, fmt.Errorf("ended before the nodes were read")
	}
	return store, nil
}

func keep(ctx context.Context, node string, pods netip.Prefix, nodes cache.Store, changed <-chan struct{}) error {
	timer := time.NewTicker(resync)
	defer timer.Stop()
	for {
		if err := replaceMasquerading(pods); err != nil {
			return fmt.Errorf("masquerading: %w", err)
		}
		if err := replaceRoutes(wanted(node, nodes.List())); err != nil {
			// A route to a node whose own network is not up yet is tried again with the next change or resync.
			log.Printf("routes: %v", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-timer.C:
		}
	}
}

// wanted says which pod range is reached through which node address, for all nodes but our own.
func wanted(own string, nodes []any) map[netip.Prefix]netip.Addr {
	routes := map[netip.Prefix]netip.Addr{}
	for _, object := range nodes {
		node, ok := object.(*corev1.Node)
		if !ok || node.Name == own {
			continue
		}
		via, ok := internalAddress(node)
		if !ok {
			continue
		}
		for _, text := range node.Spec.PodCIDRs {
			if pods, err := netip.ParsePrefix(text); err == nil && pods.Addr().Is4() {
				routes[pods.Masked()] = via
			}
		}
	}
	return routes
}

func internalAddress(node *corev1.Node) (netip.Addr, bool) {
	for _, entry := range node.Status.Addresses {
		if entry.Type != corev1.NodeInternalIP {
			continue
		}
		if address, err := netip.ParseAddr(entry.Address); err == nil && address.Is4() {
			return address, true
		}
	}
	return netip.Addr{}, false
}

func ipNet(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
}
